"""Cases (疑点案件) and what people do about them."""
