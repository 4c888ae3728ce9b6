"""The pages behind the links of mails: /go/<token>/."""

from actions.views.go import Go

__all__ = ["Go"]
