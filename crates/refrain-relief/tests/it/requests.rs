//! A request is read the same whatever form it comes in; here its form is JSON.

use std::ops::RangeInclusive;

use refrain_relief::{
    Dimensions, Fields, Format, MAX_PICTURE_BYTES, ReliefError, ReliefParameters, ReliefRequest,
};
use serde_json::{Map, Value, json};

/// The fields of a JSON object. The picture is a text, which counts by its bytes.
struct Json(Map<String, Value>);

/// A refusal, as words.
#[derive(Debug, PartialEq)]
struct Refused(String);

impl From<ReliefError> for Refused {
    fn from(error: ReliefError) -> Self {
        Self(error.to_string())
    }
}

impl Json {
    fn take<T>(
        &mut self,
        name: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, Refused> {
        let Some(value) = self.0.remove(name) else {
            return Ok(None);
        };
        read(&value)
            .map(Some)
            .ok_or_else(|| Refused(name.to_owned()))
    }
}

impl Fields for Json {
    type File = Vec<u8>;
    type Error = Refused;

    fn file(&mut self, name: &'static str) -> Result<Vec<u8>, Refused> {
        let text = self.take(name, |value| value.as_str().map(str::to_owned))?;
        Ok(text.ok_or_else(|| Refused(name.to_owned()))?.into_bytes())
    }

    fn number(&mut self, name: &'static str) -> Result<Option<f64>, Refused> {
        self.take(name, Value::as_f64)
    }

    fn whole(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Refused> {
        self.take(name, |value| {
            value.as_u64().filter(|number| range.contains(number))
        })
    }

    fn boolean(&mut self, name: &'static str) -> Result<Option<bool>, Refused> {
        self.take(name, Value::as_bool)
    }

    fn word(
        &mut self,
        name: &'static str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, Refused> {
        self.take(name, |value| {
            words.iter().find(|word| value == **word).copied()
        })
    }

    fn object(&mut self, name: &'static str) -> Result<Option<Self>, Refused> {
        self.take(name, |value| value.as_object().cloned().map(Self))
    }

    fn finish(self) -> Result<(), Refused> {
        self.0
            .keys()
            .next()
            .map_or(Ok(()), |name| Err(Refused(name.clone())))
    }
}

fn read(request: &Value) -> Result<ReliefRequest<Vec<u8>>, Refused> {
    let mut fields = Json(request.as_object().unwrap().clone());
    let read = ReliefRequest::read(&mut fields)?;
    fields.finish()?;
    Ok(read)
}

/// The parameters of a request with a picture and these fields.
fn parameters(mut request: Value) -> Result<ReliefParameters, Refused> {
    request["image"] = "a picture".into();
    read(&request).map(|request| request.parameters)
}

#[test]
fn unknown_fields_formats_and_wrong_types_are_refused() {
    for wrong in [
        json!({"qualty": 3}),
        json!({"dimensions": {"width": 3, "weight": 4}}),
        json!({"format": "3mf"}),
        json!({"format": "STL"}),
        json!({"quality": 7.5}),
        json!({"quality": 300}),
        json!({"quality": -1}),
        json!({"quality": "7"}),
        json!({"base": "2"}),
        json!({"invert": 1}),
        json!({"dimensions": [1, 2, 3]}),
        json!({"dimensions": null}),
    ] {
        let result = parameters(wrong.clone());
        assert!(result.is_err(), "{wrong} became {result:?}");
    }
}

#[test]
fn values_out_of_range_are_refused_by_their_path() {
    for (wrong, message) in [
        (
            json!({"dimensions": {"width": 0.5}}),
            "`dimensions.width` is 0.5 but must be from 1 to 1000 mm",
        ),
        (
            json!({"base": 0.1}),
            "`base` is 0.1 but must be from 0.2 to 100 mm",
        ),
        (
            json!({"base": 9, "dimensions": {"depth": 9}}),
            "`base` is 9 but must be less than `dimensions.depth`, which is 9 mm",
        ),
    ] {
        assert_eq!(parameters(wrong), Err(Refused(message.to_owned())));
    }
}

#[test]
fn a_door_that_does_not_heed_the_range_of_quality_is_corrected() {
    let quality = u8::MAX;
    let wrong = ReliefParameters {
        quality,
        ..ReliefParameters::default()
    };
    assert_eq!(wrong.validate().unwrap_err().field(), Some("quality"));
}

#[test]
fn absent_fields_and_explicit_defaults_are_the_same() {
    let explicit = json!({
        "format": "stl", "dimensions": {"width": 100, "height": 100.0, "depth": 2e1},
        "quality": 7, "base": 2, "invert": false,
    });
    let explicit = parameters(explicit).unwrap();
    assert_eq!(explicit, parameters(json!({})).unwrap());
    assert_eq!(explicit, parameters(json!({"dimensions": {}})).unwrap());
    assert_eq!(explicit, ReliefParameters::default());
}

#[test]
fn parameters_written_as_json_are_the_request_they_came_from() {
    let written = ReliefParameters {
        format: Format::Ply,
        dimensions: Dimensions {
            width: 12.5,
            height: 1000.0,
            depth: 1.0,
        },
        quality: 10,
        base: 0.2,
        invert: true,
    };
    assert_eq!(
        parameters(serde_json::to_value(written).unwrap()),
        Ok(written)
    );
}

#[test]
fn every_depth_in_the_range_works_without_a_word_about_the_base() {
    for depth in [1.0, 1.5, 2.0, 2.000_001, 3.0, 500.0] {
        let request = json!({"dimensions": {"depth": depth}});
        assert!(parameters(request).is_ok(), "{depth}");
    }
    let written = json!({"base": 2, "dimensions": {"depth": 3}});
    assert_eq!(
        parameters(written),
        parameters(json!({"dimensions": {"depth": 3}}))
    );
    assert!(parameters(json!({"base": 2, "dimensions": {"depth": 2}})).is_err());
}

#[test]
fn a_request_needs_a_picture_of_a_size_that_is_read() {
    assert_eq!(read(&json!({})).unwrap_err(), Refused("image".to_owned()));
    let picture = "x".repeat(MAX_PICTURE_BYTES + 1);
    let refused = read(&json!({"image": picture})).unwrap_err();
    assert!(refused.0.contains("52428801 bytes"), "{refused:?}");
}

/// The key of a request belongs to every store that holds its result, on disks too: it must not change while
/// `FINGERPRINT` stays.
#[test]
fn the_key_of_a_request_is_what_it_was() {
    let plain = read(&json!({"image": "a picture"})).unwrap();
    let other = json!({
        "image": "a picture", "format": "glb", "quality": 3, "base": 1.5, "invert": true,
        "dimensions": {"width": 80, "height": 60, "depth": 12},
    });
    let keys = [plain, read(&other).unwrap()].map(|request| request.key().unwrap().to_string());
    let expected = [
        "9b52c84ab7f10545f6f424ac9106d86128da12cd6cef2faa049c5b444132060f",
        "8d799200d04f582ae9906aea3ac4017b203dded4e82be97235d72121e227eeb5",
    ];
    assert_eq!(keys, expected);
}
