import pytest

from chart_values import UndescribedValueError, Value, described, sections, values_table

VALUES = """\
# Chart values.

# -- How many | of them
# -- there
# are.
replicas: 2

image:
  # -- Where from.
  registry: ""  # not a description
  # A remark.
  # -- Which.
  tag: v1

# -- What a pod may use.
resources:
  # -- Of the CPU.
  requests: {cpu: 50m}
  limits:
    memory: 128Mi

# -- Nothing yet.
nodeSelector: {}
auth:
  mail:
    # -- May be long.
    list: [a, b]
    # -- Off.
    enabled: false
    # -- Unset.
    host:
"""


def test_each_described_value_is_a_row_in_the_order_of_the_file() -> None:
    assert described(VALUES) == [
        Value("replicas", "2", "How many | of them there are."),
        Value("image.registry", '""', "Where from."),
        Value("image.tag", '"v1"', "Which."),
        Value(
            "resources", '{"requests": {"cpu": "50m"}, "limits": {"memory": "128Mi"}}', "What a pod may use."
        ),
        Value("nodeSelector", "{}", "Nothing yet."),
        Value("auth.mail.list", '["a", "b"]', "May be long."),
        Value("auth.mail.enabled", "false", "Off."),
        Value("auth.mail.host", "null", "Unset."),
    ]


def test_sections_contain_described_values() -> None:
    assert sections(VALUES) == ["", "image", "auth.mail"]


def test_the_table_keeps_its_columns() -> None:
    assert values_table(VALUES).splitlines()[2] == r"| `replicas` | `2` | How many \| of them there are. |"


def test_a_long_default_is_omitted() -> None:
    text = f"# -- Long.\nlist: [{', '.join('a' * 9 for _ in range(10))}]\n"
    assert described(text) == [Value("list", "see values.yaml", "Long.")]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: 1\n", "a"),
        ("# A remark.\na: 1\n", "a"),
        ("# -- Far away.\n\na: 1\n", "a"),
        ("# -- Of a.\na: 1\nb:\n  c: 2\n", "b.c"),
        ("b: {c: 2}\n", "b"),
        ("b: {}\n", "b"),
        ("# -- Of a.\na: 1\nb: 2\n", "b"),
    ],
)
def test_a_value_without_description_is_an_error(text: str, path: str) -> None:
    with pytest.raises(UndescribedValueError, match=rf": {path} has no"):
        described(text)
