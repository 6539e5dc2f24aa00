"""What the Shantou draft says to people."""

from __future__ import annotations

from rules.schemes.scheme import Fact, Facts, Topic
from rules.schemes.shantou.parameters import ShantouLedger
from rules.text import Text

PARAMETERS = {
    "pharmacies_first_selection": Text("首批药店数上限", "pharmacies at first selection, at most"),
    "pharmacies_per_chain": Text("同一连锁药店数上限", "pharmacies of one chain, at most"),
}


def summary(law: ShantouLedger) -> Facts:
    """What the text says, topic by topic."""
    first, chain = law.pharmacies_first_selection, law.pharmacies_per_chain
    return {
        Topic.INSTITUTION: [
            Fact(
                f"首批药店至多{first.value}家", f"at most {first.value} pharmacies at first selection", first.citation
            ),
            Fact(f"同一连锁至多{chain.value}家", f"at most {chain.value} of one chain", chain.citation),
        ]
    }
