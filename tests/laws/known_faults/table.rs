//! The documents that the generator once got wrong, and the right outcome of each.

/// A document and its right outcome. Beside `checks`, its code compiles without a warning.
pub(super) struct Fault {
    /// The name of the file, without its extension, or of a folder of records.
    pub(super) document: &'static str,
    pub(super) checks: &'static [Check],
}

/// One right outcome.
#[derive(Debug)]
pub(super) enum Check {
    /// An input, of the endpoint with this path, that is read and written again unchanged.
    Input(&'static str, &'static str),
    /// An input that is refused.
    InputRefused(&'static str, &'static str),
    /// An input that is refused, unless the report or the errors contain a text.
    InputRefusedOr(&'static str, &'static str, &'static str),
    /// An output that is read and written again unchanged.
    Output(&'static str, &'static str),
    /// An output that is refused, unless the report or the errors contain a text.
    OutputRefusedOr(&'static str, &'static str, &'static str),
    /// The report, or the errors, contain one of these texts.
    Says(&'static [&'static str]),
    /// There is no code, and the errors speak of nothing that only this repository has.
    ErrorFits,
    /// A program that uses the generated crate, as `fal`, succeeds.
    Program(&'static str),
}

use Check::{ErrorFits, Input, InputRefused, InputRefusedOr, Output, OutputRefusedOr, Program, Says};

/// All documents, in the order of their names.
pub(super) const FAULTS: &[Fault] = &[
    Fault {
        document: "bool-const",
        checks: &[
            Input("", r#"{"x":true}"#),
            InputRefusedOr("", r#"{"x":false}"#, "/properties/x"),
            Output("", r#"{"x":true}"#),
        ],
    },
    Fault {
        document: "boolean-schema",
        checks: &[
            Input("", r#"{"x":[1,null]}"#),
            Input("", r#"{"x":null}"#),
            InputRefused("", "{}"),
            Output("", r#"{"x":null}"#),
        ],
    },
    Fault {
        document: "component-named-like-a-slot",
        checks: &[
            Input("", r#"{"a":{"x":1},"b":{"x":2},"c":{"x":3}}"#),
            Program(
                r#"let a = fal::ASlot::builder().x(1).build();
                let b = fal::HasA::builder().x(2).build();
                let input = fal::Input::builder().a(a).b(b).build();
                assert_eq!(serde_json::to_string(&input).unwrap(), r"{'a':{'x':1},'b':{'x':2}}".replace('\'', "\""));"#,
            ),
        ],
    },
    Fault {
        document: "component-parameter-type-list",
        checks: &[Input("", r#"{"p":"a"}"#), InputRefused("", "{}")],
    },
    Fault {
        document: "discriminator-partial-mapping",
        checks: &[
            Input("", r#"{"x":{"t":"b","y":"s"}}"#),
            Input("", r#"{"x":{"t":"bb","y":"s"}}"#),
            Input("", r#"{"x":{"t":"a","x":1}}"#),
            InputRefused("", r#"{"x":{"t":"c"}}"#),
            Output("", r#"{"x":{"t":"b","y":"s"}}"#),
        ],
    },
    Fault {
        document: "discriminator-tag-not-declared",
        checks: &[
            Input("", r#"{"x":{"t":"b","y":"s"}}"#),
            Input("", r#"{"x":{"t":"a","x":1}}"#),
            Output("", r#"{"x":{"t":"b","y":"s"}}"#),
        ],
    },
    Fault {
        document: "discriminator-without-mapping-output",
        checks: &[
            Output("", r#"{"x":{"t":"b","y":"s"}}"#),
            Output("", r#"{"x":{"t":"bb","y":"s"}}"#),
            Output("", r#"{"x":{"t":"a","x":1}}"#),
            Input("", r#"{"x":{"t":"b","y":"s"}}"#),
        ],
    },
    Fault { document: "enum-values-named-like-imports", checks: &[Output("", r#"{"kind":"file"}"#)] },
    Fault {
        document: "enum-with-null-required-output",
        checks: &[
            Output("", r#"{"x":null}"#),
            Output("", r#"{"x":"a"}"#),
            Input("", r#"{"x":null}"#),
            Input("", r#"{"x":"b"}"#),
            InputRefused("", r#"{"x":"c"}"#),
        ],
    },
    Fault {
        document: "enum-without-type",
        checks: &[
            Input("", r#"{"x":"a"}"#),
            InputRefused("", r#"{"x":"c"}"#),
            InputRefused("", r#"{"x":1}"#),
        ],
    },
    Fault {
        document: "example-with-schema-key",
        checks: &[Input("", r#"{"p":"a"}"#), InputRefused("", "{}")],
    },
    Fault {
        document: "exclusive-fraction-on-integer",
        checks: &[
            Input("", r#"{"x":1}"#),
            Input("", r#"{"x":3}"#),
            InputRefused("", r#"{"x":0}"#),
            InputRefused("", r#"{"x":4}"#),
        ],
    },
    Fault {
        document: "extra-allow-nested",
        checks: &[Input("", r#"{"x":{"a":"b","c":[1]}}"#), Output("", r#"{"x":{"a":"b","c":[1]}}"#)],
    },
    Fault {
        document: "fields-object-and-object_",
        checks: &[
            Input("", r#"{"x":{"object":1,"object_":2}}"#),
            Output("", r#"{"x":{"object":1,"object_":2}}"#),
        ],
    },
    Fault {
        document: "files-inside-tuple",
        checks: &[
            Input("", r#"{"x":{"pair_urls":["https://a.b/1","https://a.b/2"]}}"#),
            Program(
                r#"let text = "{'x':{'pair_urls':['https://a.b/1','https://a.b/2']}}".replace('\'', "\"");
                let mut input: fal::Input = serde_json::from_str(&text).unwrap();
                let mut count = 0;
                fal_core::Parameters::visit_files(&mut input, &mut |_| count += 1);
                assert_eq!(count, 2);"#,
            ),
        ],
    },
    Fault {
        document: "integer-bound-beyond-i64",
        checks: &[
            Input("", r#"{"x":18446744073709551615}"#),
            Input("", r#"{"x":7}"#),
            InputRefused("", r#"{"x":-1}"#),
            InputRefused("", r#"{"x":"7"}"#),
            Output("", r#"{"x":18446744073709551615}"#),
        ],
    },
    Fault { document: "json-charset-body", checks: &[Input("", r#"{"p":"a"}"#), InputRefused("", "{}")] },
    Fault { document: "json-suffix-body", checks: &[Input("", r#"{"p":"a"}"#), InputRefused("", "{}")] },
    Fault {
        document: "length-beside-and-inside-anyof",
        checks: &[
            Input("", r#"{"x":"abcde"}"#),
            Input("", r#"{"x":null}"#),
            InputRefused("", r#"{"x":"abcdef"}"#),
            InputRefused("", r#"{"x":"abcdefghijk"}"#),
        ],
    },
    Fault {
        document: "list-body-blocks-app",
        checks: &[Input("", r#"{"prompt":"a"}"#), InputRefused("", "{}"), Says(&["/batch"])],
    },
    Fault { document: "map-variant-in-types", checks: &[Input("", r#"{"p":{"u":{"k":1.5}}}"#)] },
    Fault { document: "multipart-body", checks: &[Says(&["multipart"])] },
    Fault {
        document: "nullable-branch-of-union",
        checks: &[
            Input("", r#"{"x":null}"#),
            Input("", r#"{"x":"a"}"#),
            Input("", r#"{"x":1}"#),
            InputRefused("", r#"{"x":true}"#),
            Output("", r#"{"x":null}"#),
        ],
    },
    Fault { document: "nullable-root-output", checks: &[Output("", "null"), Output("", r#"{"r":"a"}"#)] },
    Fault {
        document: "object-without-type",
        checks: &[
            Input("", r#"{"x":{"a":"b"}}"#),
            InputRefused("", r#"{"x":{}}"#),
            InputRefused("", r#"{"x":"text"}"#),
        ],
    },
    Fault {
        document: "output-union-by-const-tag",
        checks: &[
            Output("", r#"{"x":{"t":"b","v":1}}"#),
            Program(
                r#"let text = "{'x':{'t':'b','v':1}}".replace('\'', "\"");
                let output: fal::Output = serde_json::from_str(&text).unwrap();
                assert!(format!("{:?}", output.x).starts_with("B("), "{output:?}");"#,
            ),
        ],
    },
    Fault {
        document: "output-union-of-similar-objects",
        checks: &[
            Output("", r#"{"x":{"a":1,"b":"x"}}"#),
            Output("", r#"{"x":{"a":1}}"#),
            Input("", r#"{"x":{"a":1,"b":"x"}}"#),
        ],
    },
    Fault { document: "path-level-parameters", checks: &[Says(&["query", "/parameters"])] },
    Fault {
        document: "paths-alike",
        checks: &[Input("/a-b", r#"{"p":"a"}"#), Input("/a_b", r#"{"p":"a"}"#)],
    },
    Fault {
        document: "pattern-invalid",
        checks: &[Says(&["pattern"]), Input("", r#"{"x":"abc"}"#), Output("", r#"{"x":"abc"}"#)],
    },
    Fault {
        document: "pattern-on-url-parameter",
        checks: &[
            Input("", r#"{"video_url":"https://a.b"}"#),
            InputRefusedOr("", r#"{"video_url":"http://a.b"}"#, "video_url"),
            Output("", r#"{"price":"1.50"}"#),
        ],
    },
    Fault {
        document: "pattern-unicode-class",
        checks: &[
            Input("", r#"{"x":"abc"}"#),
            Input("", r#"{"x":"Größe"}"#),
            InputRefusedOr("", r#"{"x":"a1"}"#, "pattern"),
        ],
    },
    Fault {
        document: "property-a-with-own-type",
        checks: &[
            Input("", r#"{"a":"x","s":0,"d":"x"}"#),
            InputRefused("", r#"{"a":"y","s":0,"d":"x"}"#),
            InputRefused("", r#"{"a":"x","s":-1,"d":"x"}"#),
        ],
    },
    Fault {
        document: "query-of-fal-app",
        checks: &[Says(&["prompt"]), Input("/two", r#"{"a":{"prompt":"x"},"b":{"result":"y"}}"#)],
    },
    Fault { document: "query-parameters", checks: &[Says(&["prompt"])] },
    Fault {
        document: "queue-document-without-metadata",
        checks: &[
            Input("", r#"{"prompt":"a"}"#),
            InputRefused("", "{}"),
            Output("", r#"{"images":[],"description":"a"}"#),
        ],
    },
    Fault {
        document: "realtime-recursive-model",
        checks: &[Says(&["/components/schemas/Expr"]), Input("", r#"{"tree":{"v":1},"expr":{"op":"+"}}"#)],
    },
    Fault {
        document: "recursion-through-tuple",
        checks: &[
            Input("", r#"{"x":{"v":1,"k":[{"v":2},{"v":3}]}}"#),
            InputRefused("", r#"{"x":{"v":1,"k":[{"v":2}]}}"#),
            Output("", r#"{"x":{"v":1,"k":[{"v":2},{"v":3}]}}"#),
        ],
    },
    Fault {
        document: "recursive-alias-blocks-app",
        checks: &[
            Input("", r#"{"data":["a",1.5,{"k":[true,null]}]}"#),
            Input("", r#"{"data":null}"#),
            Output("", r#"{"data":[{"k":["a"]}],"ok":true}"#),
            Output("", r#"{"data":null,"ok":true}"#),
        ],
    },
    Fault {
        document: "ref-escaped-slash",
        checks: &[Input("", r#"{"x":{"v":1}}"#), InputRefused("", r#"{"x":{}}"#)],
    },
    Fault { document: "ref-to-defs", checks: &[ErrorFits] },
    Fault {
        document: "ref-to-nullable-component",
        checks: &[
            Input("", r#"{"x":null}"#),
            Input("", r#"{"x":"a"}"#),
            InputRefused("", r#"{"x":1}"#),
            Output("", r#"{"x":null}"#),
        ],
    },
    Fault {
        document: "ref-to-nullable-object",
        checks: &[
            Input("", r#"{"x":null}"#),
            Input("", r#"{"x":{"a":1}}"#),
            InputRefused("", r#"{"x":{}}"#),
            Output("", r#"{"x":null}"#),
        ],
    },
    Fault { document: "requestbody-ref", checks: &[Input("", r#"{"p":"a"}"#), InputRefused("", "{}")] },
    Fault {
        document: "required-any-null-output",
        checks: &[Output("", r#"{"x":null}"#), Output("", r#"{"x":[1]}"#), Input("", r#"{"x":null}"#)],
    },
    Fault {
        document: "response-201",
        checks: &[Output("", r#"{"r":"a"}"#), OutputRefusedOr("", r#"{"r":1}"#, "/responses/201")],
    },
    Fault {
        document: "response-default",
        checks: &[Output("", r#"{"r":"a"}"#), OutputRefusedOr("", r#"{"r":1}"#, "/responses/default")],
    },
    Fault { document: "response-image", checks: &[Says(&["image/png"])] },
    Fault {
        document: "root-input-allof",
        checks: &[
            Input("", r#"{"p":"a","q":1}"#),
            InputRefused("", r#"{"p":"a"}"#),
            InputRefused("", r#"{"q":1}"#),
        ],
    },
    Fault {
        document: "rules-inside-tuple",
        checks: &[
            Input("", r#"{"x":["ab",5]}"#),
            InputRefused("", r#"{"x":["abc",5]}"#),
            InputRefused("", r#"{"x":["ab",6]}"#),
        ],
    },
    Fault {
        document: "shared-union-of-different-objects",
        checks: &[
            Input("t/sh/two", r#"{"prompt":"p","image_size":{"width":2000,"height":2000}}"#),
            InputRefused("t/sh/two", r#"{"prompt":"p","image_size":{"width":5000,"height":2000}}"#),
            Input("t/sh/one", r#"{"prompt":"p","image_size":{"width":1000,"height":1000}}"#),
            InputRefused("t/sh/one", r#"{"prompt":"p","image_size":{"width":2000,"height":2000}}"#),
            Input("t/sh/two", r#"{"prompt":"p","image_size":"wide"}"#),
        ],
    },
    Fault {
        document: "tagged-input-without-tag",
        checks: &[Program(
            r#"let pet = fal::Pet::Cat(fal::Cat::builder().build());
            let value = serde_json::to_value(&pet).unwrap();
            assert_eq!(value["kind"], "cat", "{value}");"#,
        )],
    },
    Fault {
        document: "tuple-of-13",
        checks: &[
            Input("", r#"{"x":[1,2,3,4,5,6,7,8,9,10,11,12,13]}"#),
            InputRefused("", r#"{"x":[1,2,3,4,5,6,7,8,9,10,11,12]}"#),
            InputRefused("", r#"{"x":[1,2,3,4,5,6,7,8,9,10,11,12,"13"]}"#),
            Output("", r#"{"x":[1,2,3,4,5,6,7,8,9,10,11,12,13]}"#),
        ],
    },
    Fault {
        document: "tuple-of-one",
        checks: &[
            Input("", r#"{"x":[1]}"#),
            InputRefused("", r#"{"x":1}"#),
            InputRefused("", r#"{"x":[]}"#),
            InputRefused("", r#"{"x":[1,2]}"#),
            Output("", r#"{"x":[1]}"#),
        ],
    },
    Fault {
        document: "tuple-open",
        checks: &[
            Input("", r#"{"x":[]}"#),
            Input("", r#"{"x":[1]}"#),
            Input("", r#"{"x":[1,"a",2]}"#),
            InputRefused("", r#"{"x":["a"]}"#),
            Output("", r#"{"x":[1,"a",2]}"#),
        ],
    },
    Fault {
        document: "tuple-with-rest",
        checks: &[
            Input("", r#"{"x":["a",1,2]}"#),
            Input("", r#"{"x":["a"]}"#),
            InputRefused("", r#"{"x":[]}"#),
            InputRefused("", r#"{"x":["a","b"]}"#),
            Output("", r#"{"x":["a",1,2]}"#),
        ],
    },
    Fault {
        document: "type-list-of-null",
        checks: &[Input("", r#"{"x":null}"#), InputRefused("", r#"{"x":1}"#), Output("", r#"{"x":null}"#)],
    },
    Fault {
        document: "union-of-overlapping-enums",
        checks: &[
            Input("", r#"{"x":"a"}"#),
            Input("", r#"{"x":"b"}"#),
            Input("", r#"{"x":"c"}"#),
            InputRefused("", r#"{"x":"d"}"#),
            Output("", r#"{"x":"c"}"#),
        ],
    },
    Fault {
        document: "union-of-two-text-rules",
        checks: &[
            Input("", r#"{"x":"ab"}"#),
            Input("", r#"{"x":"abcde"}"#),
            InputRefused("", r#"{"x":"abc"}"#),
        ],
    },
];

/// The documents that the generator still gets wrong, each with the reason. A document that it gets right must not be
/// listed.
pub(super) const OPEN: &[(&str, &str)] = &[];
