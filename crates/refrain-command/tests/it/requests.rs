//! Requests: what the declaration names and nothing else, each value in one argument.

use refrain_command::{FieldError, Form, Given};

use crate::stage::{Stage, bytes_of, form, ran_with};

const TOML: &str = "
[generator.it]
argv = ['./program', '{first}', '--title={title}', '{size}', '{fast}', '{in:model.txt}', '--', '{last}', '{kind}']
version = '1'
artifacts.file = { name = 'out', type = 'text/plain' }
fields.first = { text = 20, default = 'a' }
fields.title = { text = 20, default = 'b' }
fields.last = { text = 20, matches = '^[^!]*$', default = 'c' }
fields.size = { whole = [-5, 5], default = 0 }
fields.fast = { switch = true, default = false }
fields.model = { file = true, max = '1KB', type = 'application/json' }
fields.kind = { choice = ['one', 'two'], default = 'one' }
";

fn read(fields: &[(&str, &str)]) -> Result<(), FieldError> {
    let stage = Stage::new();
    let declared = stage.declared(TOML);
    let mut all = vec![("model".to_owned(), Given::File(b"{}".to_vec()))];
    all.extend(
        fields
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Given::Text((*text).to_owned()))),
    );
    declared.read(Form::new(all)).map(drop)
}

#[test]
fn what_is_not_allowed_is_refused_with_its_field() {
    let long = "9".repeat(100);
    let cases = [
        ("first", "-rf", "must not begin with `-`"),
        ("first", "a\0b", "control characters"),
        ("first", "\u{1b}[31m", "control characters"),
        ("first", "aaaaaaaaaaaaaaaaaaaaa", "at most 20 characters"),
        ("last", "hey!", "must match"),
        ("size", "6", "must be a whole number from -5 to 5, is 6"),
        ("size", "0.5", "must be a whole number"),
        ("size", "NaN", "must be a number"),
        ("size", "1e400", "must be a number"),
        ("size", &long, "must be a number of at most 40 digits"),
        ("size", "", "must be a number"),
        ("size", "0x1", "must be a number"),
        ("fast", "maybe", "must be true or false"),
        ("kind", "three", "must be one of one, two"),
        ("other", "x", "is not a field"),
        ("../first", "x", "is not a field"),
        ("first\n", "x", "is not a field"),
    ];
    for (name, text, why) in cases {
        let error = read(&[(name, text)]).expect_err(name);
        assert_eq!(error.field, name);
        assert!(error.wrong.contains(why), "{name}={text:?}: {error}");
    }
    let fine = [
        ("first", "a-b"),
        ("title", "-t"),
        ("last", "-rf"),
        ("size", "-5"),
        ("first", "a\nb"),
        ("first", "$(x) `y` \"z\" ;"),
    ];
    for field in fine {
        assert_eq!(read(&[field]), Ok(()), "{field:?}");
    }
}

#[test]
fn a_file_has_a_type_and_a_limit_and_must_be_there() {
    let stage = Stage::new();
    let declared = stage.declared(TOML);
    let read = |given: Option<Given>| {
        let fields = given.map(|given| ("model".to_owned(), given));
        declared
            .read(Form::new(fields))
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert_eq!(read(None), Err("`model` is missing".to_owned()));
    assert_eq!(read(Some(Given::File(b"[1]".to_vec()))), Ok(()));
    let wrong = read(Some(Given::File(b"[1".to_vec()))).unwrap_err();
    assert!(wrong.contains("no whole JSON"), "{wrong}");
    let large = read(Some(Given::File(vec![b' '; 1025]))).unwrap_err();
    assert!(large.contains("at most 1024 bytes, has 1025"), "{large}");
}

#[tokio::test]
async fn each_value_is_one_argument_and_no_shell_looks_at_it() {
    let stage = Stage::new();
    stage.script(
        "program",
        "for one in \"$@\"; do printf '<%s>' \"$one\"; done > out; cat model.txt >> out",
    );
    let toml = TOML.replace(
        "file = true, max = '1KB', type = 'application/json'",
        "text = 100",
    );
    let generator = stage.start(&toml, true).await.unwrap();
    let fields = [
        ("first", "a b; $(id) 'q' \"d\" *"),
        ("last", "-x"),
        ("size", "-3"),
        ("model", "line one\nline two"),
    ];
    let said = String::from_utf8(ran_with(&generator, &fields).await.unwrap()).unwrap();
    assert_eq!(
        said,
        "<a b; $(id) 'q' \"d\" *><--title=b><-3><false><model.txt><--><-x><one>line one\nline two"
    );
}

#[tokio::test]
async fn the_rest_of_the_fields_and_the_request_as_json_reach_the_program() {
    let stage = Stage::new();
    stage.script(
        "program",
        "for one in \"$@\"; do printf '<%s>' \"$one\"; done > out",
    );
    let toml = "
[generator.it]
argv = ['./program', { rest = ['-D', '{name}={json}', '{value}'] }]
version = '1'
artifacts.file = { name = 'out', type = 'text/plain' }
fields.width = { number = [0, 100], default = 1.5 }
fields.label = { text = 20 }
";
    let generator = stage.start(toml, true).await.unwrap();
    let error = generator
        .declaration()
        .read(form(&[("label", "-x")]))
        .unwrap_err();
    assert!(error.wrong.contains("must not begin with `-`"), "{error}");
    let said = String::from_utf8(
        ran_with(&generator, &[("label", "say \"a\"")])
            .await
            .unwrap(),
    )
    .unwrap();
    assert!(
        said.starts_with("<-D><label=\"say \\\"a\\\"\"><say \"a\"><-D><width=1.5><1.5>"),
        "{said}"
    );

    stage.script(
        "program",
        "printf '<%s>' \"$1\" > out; cat request.json photo >> out",
    );
    let toml = toml.replace(
        "{ rest = ['-D', '{name}={json}', '{value}'] }",
        "'{request}'",
    );
    let generator = stage
        .start(&(toml + "fields.photo = { file = true }\n"), true)
        .await
        .unwrap();
    let fields = [
        ("label".to_owned(), Given::Text("say \"a\"".to_owned())),
        ("photo".to_owned(), Given::File(b"bytes".to_vec())),
    ];
    let request = generator.declaration().read(Form::new(fields)).unwrap();
    let mut output = generator
        .run(&request, std::future::pending(), |_| {})
        .await
        .unwrap();
    let said = String::from_utf8(bytes_of(&mut output)).unwrap();
    assert_eq!(
        said,
        "<request.json>{\"label\":\"say \\\"a\\\"\",\"photo\":\"photo\",\"width\":1.5}bytes"
    );
}

#[test]
fn the_schema_says_what_may_be_said() {
    let schema = Stage::new().declared(TOML).schema();
    assert_eq!(schema["required"], serde_json::json!(["model"]));
    assert_eq!(schema["additionalProperties"], false);
    let size = serde_json::json!({"type": "integer", "minimum": -5, "maximum": 5, "default": 0});
    assert_eq!(schema["properties"]["size"], size);
    assert_eq!(
        schema["properties"]["kind"]["enum"],
        serde_json::json!(["one", "two"])
    );
}
