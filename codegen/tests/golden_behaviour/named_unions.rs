//! Unions that documents name.

use fal_core::{Int, input};

use super::golden::{
    self,
    named_unions::{
        Input, Output, measure,
        types::{Background, Extent, Margin, Scene, Shape, ShapeOutput},
    },
};

#[test]
fn a_union_of_the_document_is_one_type_wherever_it_is_used() {
    fn describe(shape: &ShapeOutput) -> String {
        match shape {
            ShapeOutput::Circle(circle) => format!("radius {}", circle.radius),
            ShapeOutput::Square(square) => format!("side {}", square.side),
            ShapeOutput::Other(_) => "new".to_owned(),
        }
    }

    let circle: Shape = serde_json::from_str(r#"{"kind":"circle","radius":2.5}"#).unwrap();
    let input = Input::builder()
        .border(circle.clone())
        .shapes([circle.clone()])
        .mask(circle.clone())
        .scene(Scene::builder().sun(circle.clone()).build())
        .width(Extent::Small)
        .height(Extent::Integer(Int::new(64).unwrap()))
        .build();
    let measured = measure::Input::builder().border(circle).build();
    assert_eq!(measured.border, input.border);
    let output: Output = serde_json::from_str(
        r#"{"largest":{"kind":"square","side":4.5},"others":[{"kind":"circle","radius":1.5},{"kind":"oval"}]}"#,
    )
    .unwrap();
    assert_eq!(describe(&output.largest), "side 4.5");
    let others: Vec<_> = output.others.iter().map(describe).collect();
    assert_eq!(others, ["radius 1.5", "new"]);
    // The whole reply of an endpoint is a type of its own.
    let measured: measure::Output = serde_json::from_str(r#"{"kind":"circle","radius":3.0}"#).unwrap();
    assert!(matches!(measured, measure::Output::Circle(circle) if circle.radius == 3.0));
}

#[test]
fn a_literal_is_a_preset_or_the_number_of_a_union() {
    let border: Shape = serde_json::from_str(r#"{"kind":"square","side":1.5}"#).unwrap();
    let input = input!(golden::named_unions { border, width: "large", height: 64 });
    assert_eq!(
        (input.width, input.height),
        (Some(Extent::Large), Some(Extent::Integer(Int::new(64).unwrap())))
    );
}

#[test]
fn unions_of_equal_values_are_one_type_only_under_one_name() {
    let border: Shape = serde_json::from_str(r#"{"kind":"square","side":1.5}"#).unwrap();
    let input = input!(golden::named_unions { border, height: "small", margin: "large" });
    assert_eq!((input.height, input.margin), (Some(Extent::Small), Some(Margin::Large)));
    let _: Option<Background> = input.background;
}
