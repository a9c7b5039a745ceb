import pytest

from faceline import FacelineError
from faceline.disk.people_paths import is_date, is_nobody, is_thumbnail_store, person_of, spelling
from faceline.disk.rows import Status
from faceline.disk.scan import list_pictures


@pytest.mark.parametrize(
    "name",
    [
        "2018",
        "2018-05-01",
        "01.05.2018",
        "2018_05",
        "20180501",
        "1",
        "007",
        "(3)",
        "May 2018",
        "12 Dec 2019",
        "2019-Jan",
    ],
)
def test_names_of_dates(name):
    assert is_date(name)
    assert person_of(f"anna/{name}/x.jpg") == "anna"
    assert person_of(f"{name}/x.jpg") == name
    assert person_of(f"x/anna/{name}/{name}/x.jpg") == "x/anna"


@pytest.mark.parametrize("name", ["May", "april", "June", "anna", "2018 beach", "marvin 3", "IMG_2018", "-", "jan"])
def test_names_of_people(name):
    assert not is_date(name)
    assert person_of(f"anna/{name}/x.jpg") == f"anna/{name}"


def test_whose_a_picture_is():
    assert person_of("x/anna/a.jpg") == "x/anna"
    assert person_of("anna/2018/beach/a.jpg") == "anna/2018/beach"
    assert person_of("a.jpg") == ""


@pytest.mark.parametrize("name", ["@eaDir", ".thumbnails", "@__thumb", "#recycle", "Thumbnails", "__MACOSX"])
def test_stores_of_servers_are_left_aside(name, tmp_path, encoded):
    picture = encoded("JPEG")
    for path in ("obama/a.jpg", f"obama/{name}/a.jpg/b.jpg", f"obama/2018/{name}/c.jpg", f"{name}/d.jpg"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(picture)
    assert is_thumbnail_store(name)
    listing = list_pictures(tmp_path)
    assert listing.images == ["obama/a.jpg"]
    assert listing.refused == []
    assert listing.ignored == ({} if name.startswith(".") else {name + "/": 3})


@pytest.mark.parametrize("person", ["unknown", "Unknown", "UNKNOWN ", "x/unknown", "unknown/2018"])
def test_nobody_is_called_as_strangers_are(person, tmp_path, encoded):
    for path in ("obama/a.jpg", f"{person}/b.jpg"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(encoded("JPEG"))
    with pytest.raises(FacelineError, match=r"(?i)unknown ?: nobody may be called unknown.*train --strangers"):
        list_pictures(tmp_path)


def test_nobody():
    assert is_nobody("Unknown")
    assert not is_nobody("unknowns")
    assert not is_nobody("anna")


def test_one_name_in_several_spellings():
    assert spelling("Obama") == spelling("obama") == spelling("OBAMA")
    assert spelling("Zoe\u0308") == spelling("Zo\u00eb")
    assert spelling("will-ferrell") == spelling("Will Ferrell")
    assert spelling("anna") != spelling("hanna")
    assert spelling("x/anna") != spelling("xanna")


def test_people_outside_the_folders(tmp_path, encoded):
    (tmp_path / "anna").mkdir()
    for name in ("anna/a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(encoded("JPEG"))
    assert [row.status for row in list_pictures(tmp_path).refused] == [Status.NO_PERSON]
