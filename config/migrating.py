"""How an empty database gets its tables in seconds."""

from django.db.migrations.operations.base import Operation, OperationCategory


class CreateModels(Operation):
    """Creates all models of an app as one operation: `CreateModel`s, in any order.

    Django makes classes of its state after every operation, and of all that is related: nearly everything is related
    to a person, so a hundred models one by one cost a hundred times a hundred classes, three quarters of migrating.
    """

    category = OperationCategory.ADDITION

    def __init__(self, models):
        self.models = models

    def deconstruct(self):
        return type(self).__qualname__, [self.models], {}

    def state_forwards(self, app_label, state):
        state.__dict__.pop("apps", None)  # made when it is next asked for, with all of them
        for model in self.models:
            model.state_forwards(app_label, state)

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        for model in self.models:
            model.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        for model in reversed(self.models):
            model.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self):
        return f"Create {len(self.models)} models"
