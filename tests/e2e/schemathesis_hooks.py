"""What Schemathesis is told beside the document: a request in a file is text."""

import schemathesis

schemathesis.serializer.alias("message/http", "text/plain")
