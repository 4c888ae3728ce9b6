"""The index: derived from what the history keeps, made anew by `manage.py reindex`, so it has no history itself.

PostgreSQL keeps the words of a document in a column `vector`, SQLite in a table `search_words`; the migration makes
them and only config/search/postgresql.py and sqlite.py know them.
"""

from django.db import models

from config.search.kinds import KINDS


class Document(models.Model):
    """What is searched of one row of any model."""

    kind = models.CharField(max_length=20)
    object_id = models.BigIntegerField()
    title = models.CharField(max_length=300)
    body = models.TextField(blank=True, default="")
    at = models.DateTimeField()
    digest = models.CharField(max_length=40)  # of all the above and of how it was taken apart

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "object_id"], name="document_once")]

    def __str__(self):
        return self.title

    @property
    def about(self):
        """The kind of thing it is, as registered."""
        return KINDS[self.kind]


class Word(models.Model):
    """A word of any document, so that its inside can be searched. Words stay when their documents go."""

    word = models.CharField(max_length=60, primary_key=True)

    def __str__(self):
        return self.word


class Mark(models.Model):
    """Up to which row of a history the index follows it."""

    table = models.CharField(max_length=100, unique=True)
    history_id = models.BigIntegerField(default=0)

    def __str__(self):
        return f"{self.table}: {self.history_id}"
