"""The pre-check (事前提醒, 事中审核): the gate's decision over HTTP before a claim is settled, without side effects."""
