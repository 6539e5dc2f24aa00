"""The parameters of suspensions by penalty decisions: the articles that suspend, and the lengths that their tiers allow."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from rules.schemes.ledger import Ledger
from rules.schemes.sections import Amount, Count, Model, Sentence
from rules.text import Text


class SuspendingArticle(Model):
    """An article that suspends, for more than `over` months (0: any time) and up to `up_to`, over all of its tiers."""

    id: Sentence
    title: Text
    over: Amount = 0
    up_to: Count
    citation: Sentence

    @model_validator(mode="after")
    def _holds_some_length(self) -> SuspendingArticle:
        if self.up_to <= self.over:
            raise ValueError(f"up_to: {self.up_to} is not above over: {self.over}; no length would lie between")
        return self


class SuspensionsLedger(Ledger):
    """What suspends an insured person or a department."""

    scheme: Literal["suspensions"]
    articles: tuple[SuspendingArticle, ...]

    @property
    def suspending(self) -> tuple[str, ...]:
        """The ids of the articles."""
        return tuple(article.id for article in self.articles)

    def article(self, article_id: str) -> SuspendingArticle | None:
        """An article by its id, None when there is none."""
        return next((article for article in self.articles if article.id == article_id), None)
