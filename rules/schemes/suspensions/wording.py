"""What a text says of suspensions to people."""

from __future__ import annotations

from rules.schemes.scheme import Fact, Facts, Topic
from rules.schemes.suspensions.parameters import SuspendingArticle, SuspensionsLedger


def summary(law: SuspensionsLedger) -> Facts:
    """What the text says, topic by topic."""
    return {
        Topic.EXCLUSION: [_length(article) for article in law.articles],
        Topic.COUNTING: [
            Fact(
                "自决定次日起，至决定载明的止日或期满的对应日，首尾均计",
                "from the day after the decision to the last day that it states, or the corresponding day; both included",
                "",
            )
        ],
    }


def _length(article: SuspendingArticle) -> Fact:
    title = article.title
    if article.over:
        return Fact(
            f"{title.zh}：暂停{article.over}个月以上至{article.up_to}个月",
            f"{title.en}: suspended for more than {article.over} and up to {article.up_to} months",
            article.citation,
        )
    return Fact(
        f"{title.zh}：暂停至多{article.up_to}个月",
        f"{title.en}: suspended for up to {article.up_to} months",
        article.citation,
    )
