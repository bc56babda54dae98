import gzip
import json

import pytest

from seriatim.data.bad import Bad
from seriatim.errors import UserError
from seriatim.text.data.records import json_lines, json_list
from seriatim.text.options import TextOptions


def finished(path, read, options):
    bad = Bad()
    found = list(read(path, options, path.name, bad))
    bad.finish(len(found) + bad.count, "records")
    return found


def lines_of(tmp_path, data, **options):
    path = tmp_path / "poems.jsonl"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return finished(path, json_lines, TextOptions(**options))


def list_of(tmp_path, data, **options):
    path = tmp_path / "poems.json"
    path.write_text(data, encoding="utf-8")
    return finished(path, json_list, TextOptions(**options))


def test_each_line_is_a_document(tmp_path):
    records = [{"text": "première\nligne", "by": "a", "year": 1901, "old": True}, {"text": "second", "year": None}]
    data = "\n\n".join(json.dumps(record, ensure_ascii=False) for record in records)  # a blank line between
    found = lines_of(tmp_path, data, given=("by", "year", "old"))
    assert [(d.name, d.text()) for d in found] == [("poems.jsonl:1", "première\nligne"), ("poems.jsonl:3", "second")]
    assert found[0].given == {"by": "a", "year": 1901, "old": "true"}
    assert found[1].given == {"by": None, "year": None, "old": None}
    assert all(d.measure == type(d.measure).of(d.blocks()) for d in found)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_other_encodings_and_compression(tmp_path, encoding):
    path = tmp_path / "poems.ndjson.gz"
    path.write_bytes(gzip.compress('{"body": "é"}\r\n{"body": "ü"}\r\n'.encode(encoding)))
    options = TextOptions(field="body", encoding="latin-1" if encoding == "latin-1" else "utf-8")
    assert [d.text() for d in json_lines(path, options, path.name, Bad())] == ["é", "ü"]


def test_lines_longer_than_a_block(tmp_path):
    texts = ["x" * 3_000_000, "y", "é" * 1_500_000]
    found = lines_of(tmp_path, "\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in texts))
    assert [d.text() for d in found] == texts


def test_a_list_of_objects(tmp_path):
    found = list_of(tmp_path, '[{"title": "One"},\n {"title": "Two"}]', field="title")
    assert [(d.name, d.text()) for d in found] == [("poems.json:1", "One"), ("poems.json:2", "Two")]


GOOD = '{"text": "fine"}\n'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"text": "unended}', "poems.jsonl:2: malformed JSON at column 10: Unterminated string"),
        ('{"title": "a", "body": "b"}', "no field 'text'; the fields are title, body: choose one with --text.field"),
        ("{}", "no field 'text'; the fields are none"),
        ('{"text": ["a"]}', "the field 'text' is a list; expected a string"),
        ('{"text": 3.5}', "the field 'text' is a number;"),
        ('{"text": null}', "the field 'text' is null;"),
        ('["a"]', "a list; expected an object"),
        ('{"text": "a", "n": NaN}', "NaN is not a JSON number"),
        ('{"text": "a", "label": {}}', "the condition 'label' is an object;"),
        ('{"text": "a", "label": 1e999}', "a number outside the range of a float"),
        (f'{{"text": "a", "label": {10**400}}}', "a number outside the range of a float"),
        (r'{"text": "a\ud800"}', "half of a surrogate pair at character 1"),
        ("[" * 100_000, "malformed JSON"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, words):
    with pytest.raises(UserError) as caught:
        lines_of(tmp_path, GOOD + line + "\n" + GOOD, given=("label",))
    message = str(caught.value)
    assert message.startswith("poems.jsonl:2: ")
    assert words in message
    assert "\n" not in message


def test_a_wrong_encoding_is_named_with_its_byte(tmp_path):
    with pytest.raises(UserError, match=r"poems.jsonl:2: byte 27 of the file is not utf-8"):
        lines_of(tmp_path, GOOD.encode() + b'{"text": "\xe9"}\n')


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ('{"text": "a"}', "an object; expected a list of objects"),
        ('{"text": "a"}\n{"text": "b"}', r"a file with one object per line must be named .jsonl"),
        ('[{"text": "a"},\n 3]', "poems.json:2: a number; expected an object"),
        ('[{"text": "a"},\n {"text" 3}]', "poems.json: malformed JSON at line 2, column 10"),
    ],
)
def test_a_bad_list_is_named(tmp_path, data, words):
    with pytest.raises(UserError) as caught:
        list_of(tmp_path, data)
    assert words in str(caught.value)
