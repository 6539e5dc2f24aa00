"""An independent evaluation of the law, written from the documents alone, to hold the product against.

It shares no code with the product and imports nothing of it: plain, slow Python on the standard library.
`law.judge_case` evaluates a worked case, `gate.judge_claim` one claim with the standing messages that apply,
`gate.judge_bytes` one raw record; `histories.generate` makes seeded random cases.
"""
