//! Unions that documents name.

use fal_core::Int;

use super::golden::named_unions::{
    Input, Output, measure,
    types::{Extent, Scene, Shape, ShapeOutput},
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
    // The whole reply of another endpoint is the same union.
    let measured: measure::Output = serde_json::from_str(r#"{"kind":"circle","radius":3.0}"#).unwrap();
    assert!(matches!(measured, measure::Output::Circle(circle) if circle.radius == 3.0));
}
