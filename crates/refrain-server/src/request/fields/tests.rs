use super::*;

fn json(text: &str) -> Fields {
    match crate::request::json::parse(text.as_bytes()).unwrap() {
        Document::Map(values) => Fields::of_json(values),
        other => panic!("not an object: {other:?}"),
    }
}

fn form(pairs: &[(&str, &str)]) -> Fields {
    let value = |text: &str| Document::Text(text.to_owned());
    Fields::of_form(
        pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), value(text)))
            .collect(),
    )
}

fn field_of<T: std::fmt::Debug>(refused: Result<T, Problem>) -> String {
    let problem = refused.unwrap_err().document();
    assert_eq!(problem.status, 400);
    problem.field.unwrap()
}

#[test]
fn what_nobody_asked_for_is_refused_by_its_path() {
    let mut fields = json(r#"{"a": 1, "inner": {"b": 2}}"#);
    let inner = fields.object("inner").unwrap().unwrap();
    assert_eq!(field_of(inner.finish()), "inner.b");
    assert_eq!(field_of(fields.finish()), "a");
}

#[test]
fn numbers_of_forms_are_numbers_of_json() {
    let mut fields = form(&[
        ("a", "7"),
        ("b", "1.5"),
        ("c", "inf"),
        ("d", "NaN"),
        ("e", " 7"),
    ]);
    assert_eq!(fields.unsigned("a", 1..=10).unwrap(), Some(7));
    assert_eq!(fields.number("b").unwrap(), Some(1.5));
    for name in ["c", "d", "e"] {
        assert_eq!(field_of(fields.number(name)), name);
    }
}

#[test]
fn whole_numbers_have_no_fraction_no_exponent_and_a_range() {
    for wrong in [
        "1.0",
        "1e0",
        "0",
        "11",
        "-1",
        "\"1\"",
        "null",
        "true",
        "18446744073709551616",
    ] {
        let mut fields = json(&format!(r#"{{"n": {wrong}}}"#));
        assert_eq!(field_of(fields.unsigned("n", 1..=10)), "n", "{wrong}");
    }
}

#[test]
fn a_number_beyond_what_can_be_held_is_refused() {
    assert_eq!(field_of(json(r#"{"n": 1e400}"#).number("n")), "n");
}

#[test]
fn an_object_of_a_form_is_given_whole_or_field_by_field() {
    for mut fields in [
        form(&[("size", r#"{"width": 3}"#)]),
        form(&[("size.width", "3")]),
    ] {
        let mut size = fields.object("size").unwrap().unwrap();
        assert_eq!(size.number("width").unwrap(), Some(3.0));
        size.finish().unwrap();
        fields.finish().unwrap();
    }
    let mut both = form(&[("size", "{}"), ("size.width", "3")]);
    assert_eq!(field_of(both.object("size")), "size");
}

#[test]
fn a_dotted_name_in_json_is_only_a_name() {
    let mut fields = json(r#"{"size.width": 3}"#);
    assert_eq!(fields.object("size").unwrap(), None);
    assert_eq!(field_of(fields.finish()), "size.width");
}

#[test]
fn a_file_is_base64_with_or_without_a_data_uri() {
    for text in [
        "aGk=",
        "data:image/png;base64,aGk=",
        "data:;base64,aGk=",
        "data:image/png;charset=x;BASE64,aGk=",
    ] {
        let mut fields = json(&format!(r#"{{"image": "{text}"}}"#));
        assert_eq!(fields.file("image").unwrap(), b"hi");
    }
}

#[test]
fn what_is_not_strictly_base64_is_refused() {
    for text in [
        "aGk",
        "aG k=",
        "aGk=\\n",
        "aGl=",
        "data:image/png,hi",
        "data:aGk=",
        "-_8=",
    ] {
        let mut fields = json(&format!(r#"{{"image": "{text}"}}"#));
        assert_eq!(field_of(fields.file("image")), "image", "{text}");
    }
}

#[test]
fn long_text_is_not_repeated_in_messages() {
    let long = "x".repeat(10_000);
    let mut fields = json(&format!(r#"{{"format": "{long}", "{long}": 1}}"#));
    let problem = fields.word("format", &["stl"]).unwrap_err();
    assert!(problem.document().detail.len() < 200);
    assert!(fields.finish().unwrap_err().document().detail.len() < 400);
}
