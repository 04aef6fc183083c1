"""YAML for others reads back as what it was made of, however odd a text is."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from headrace.deploy.yamltext import yaml_text

ODD = (
    *('y', 'N', 'on', '1e3', '0x1', '1_0', '.5', '=', '<<', '-', '--', '~', '1:30', '2001-01-01', 'null'),
    *('a: b', 'a #b', '- a', '?', '|', '>', '...', '---', '%a', '#a', ' a', 'a ', '\ta', '\x85', 'a\u2028b'),
    *('a\n', '\na', 'a\n\n', ' \na', 'a \nb', '\ta\n', '---\na', 'a\r\nb', '\ufeffa', '$(A)', '${{ a }}'),
)
texts = st.text(max_size=20) | st.sampled_from(ODD)


@given(
    st.dictionaries(texts, texts | st.lists(texts, max_size=2) | st.integers() | st.booleans(), max_size=3)
)
def test_it_reads_back_as_the_same(data: dict[str, object]) -> None:
    assert list(yaml.safe_load_all(yaml_text(data, data, comments=['a\nb']))) == [data, data]


def test_texts_that_older_readers_take_for_something_else_have_quotes() -> None:
    for text in ('y', 'No', '1e3', '0o7', '2001-01-01', '.inf', '~', 'null'):
        assert yaml_text([text]).strip() == f"- '{text}'"
    for text in ('a', '--base', '/etc/x.yml', 'a=b:1', 'x y'):
        assert yaml_text([text]).strip() == f'- {text}'
