"""JSON as theseus writes it: readable, and the same text for the same value."""

import json
import re

SURROGATE = re.compile("[\ud800-\udfff]")


def json_text(data: object) -> str:
    """*data* as JSON for people; names that are no UTF-8 survive as escapes."""
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    return SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
