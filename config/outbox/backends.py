"""Mail without a mail server: one .eml file a message, for a machine with nothing installed."""

import os
import uuid
from pathlib import Path

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone


class MailFileBackend(BaseEmailBackend):
    """Writes each message to VAR_DIR/mail, whole or not at all."""

    def __init__(self, *args, file_path=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.folder = Path(file_path or settings.EMAIL_FILE_PATH)

    def send_messages(self, messages):
        self.folder.mkdir(parents=True, exist_ok=True)
        for message in messages:
            name = f"{timezone.now():%Y%m%d-%H%M%S-%f}-{uuid.uuid4().hex[:8]}"
            part = self.folder / f".{name}.part"
            part.write_bytes(message.message().as_bytes(linesep="\r\n"))
            os.replace(part, self.folder / f"{name}.eml")
        return len(messages)
