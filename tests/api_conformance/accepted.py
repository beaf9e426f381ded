"""What Schemathesis finds and why it is accepted. Each entry is a finding; any other fails."""

from typing import Final

REJECTED_CODES: Final = {
    "invalid_cursor": "A cursor is signed. A schema cannot tell an issued one from another text.",
    "precondition_failed": "`If-Match` is any entity tag. Which one is current is not in the schema.",
    "invalid_code": "A code is any text. Whether it was mailed is not in the schema.",
    "invalid_refresh_token": "A refresh token is any text. Forms are rejected with 400, as RFC 6749 has it.",
    "invalid_credentials": "A password is any text. Forms are rejected with 400, as RFC 6749 has it.",
    "invalid_sign_in_token": "A sign-in token is any text. Forms are rejected with 400, as RFC 6749 has it.",
    "invalid_client": "A client's secret is any text. Forms are rejected as RFC 6749 has it.",
    "invalid_request": "A form's fields depend on its `grant_type`, and may not come twice (RFC 6749).",
    "unsupported_grant_type": "A form may have further fields and any `grant_type` (RFC 6749).",
    "invalid_authorization": "A `state` is any text. Whether a login began with it is not in the schema.",
    "invalid_json": "A text with NUL is rejected, for which a schema has no word.",
    "invalid_form": "A field of a form may not come twice. A schema has no word for it.",
    "idempotency_key_reused": "Keys are any text. The same key with another body is what it is for.",
    "password_unchanged": "A new password differs from the old one.",
    "password_required": "A password is needed without a registration token.",
    "identifier_required": "An upstream decides whether it knows its users by address or by name.",
    "origin_not_allowed": "A refresh token in a cookie needs a page of an origin in the settings.",
    "redirect_uri_not_allowed": "Addresses of redirects are in the settings.",
    "image_type_unsupported": "Bytes are an image or not. A schema has no word for it.",
    "image_invalid": "As above.",
    "invalid_client_metadata": "Which members a client needs depends on its kind, its scopes and its URIs.",
}
"""Rejections of a request that the schema allows, by the code of the answer."""

REJECTED_FIELDS: Final = {
    r"no_word": "A search needs a word. Which characters form words is not in the schema.",
    r"subject": "A user reads only their own token, so `subject` is for service clients.",
    r"missing|model_type": "One of two members is required, or a cookie instead of a body.",
    r"\w+_uri_invalid|origin_invalid|audience_invalid": "URIs have rules that no pattern expresses.",
    r"value_repeated|client_id_reserved": "Values of a list differ, and some names are taken.",
    r"\w+_(not_one_line|not_plain|empty|too_long)": "Text is plain and visible, by Unicode's categories.",
    r"password_\w+": "The policy of passwords: common ones, and words of the account.",
    r"email_\w+": "An address has the form of RFC 5321, which no pattern expresses.",
    r"extra_forbidden": "A form has no other fields, for which the schema of a form has no word.",
    r"string_\w+": "A form's field has the length and the pattern of JSON's member.",
}
"""Members of a `validation_error` for a request that the schema allows, by a pattern of their codes."""
