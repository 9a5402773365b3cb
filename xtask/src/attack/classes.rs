//! The attacks, by the part that is attacked.

/// The attacks on one part.
pub(super) struct Class {
    pub(super) part: &'static str,
    /// The properties that hold under all of these attacks.
    pub(super) holds: &'static str,
    pub(super) suites: &'static [Suite],
}

/// The tests of one target that attack a part.
pub(super) struct Suite {
    /// The name of a test target, or `lib` for the unit tests of every package.
    pub(super) target: &'static str,
    /// The beginnings of the names of its tests.
    pub(super) tests: &'static [&'static str],
}

const fn suite(target: &'static str, tests: &'static [&'static str]) -> Suite {
    Suite { target, tests }
}

pub(super) const CLASSES: [Class; 12] = [
    Class {
        part: "The key",
        holds: "It reaches the configured hosts only: no redirect, no URL in an answer, no ticket, no proxy and no other \
                name in a certificate gets it, and no log, error or `Debug` output shows it",
        suites: &[
            suite(
                "wire",
                &[
                    "security::",
                    "errors::key_that_the_service_repeats_is_not_printed",
                    "errors::debug_output_of_a_file_hides_its_secrets",
                    "files::a_download_has_no_key_and_follows_redirects",
                    "layers::layer_cannot_send_the_key_to_another_host",
                    "proxy::",
                    "realtime::key_that_a_message_repeats_is_not_printed",
                ],
            ),
            suite("lib", &["hosts::tests::", "redact::"]),
        ],
    },
    Class {
        part: "Webhooks",
        holds: "Only a delivery that fal signed within the tolerance reaches the handler, once; forgeries, rotations and a \
                clock that jumps cause at most one fetch of keys a minute",
        suites: &[suite("wire", &["webhook::"]), suite("lib", &["webhook::tests::", "webhook::guard::"])],
    },
    Class {
        part: "Answers of a service",
        holds: "Broken, cut, endless and contradictory answers are errors; memory is bounded, nothing panics, and nothing \
                that may cost money is sent twice",
        suites: &[
            suite("wire", &["transport::", "interruptions::", "stream::", "status_stream::"]),
            suite("faults", &["every_fault_has", "connection::"]),
        ],
    },
    Class {
        part: "Downloads",
        holds: "A file is saved whole or not at all, in its folder, within its limit, from allowed hosts",
        suites: &[suite("wire", &["download::"]), suite("lib", &["storage::download::"])],
    },
    Class {
        part: "Uploads",
        holds: "The file is what was sent, whatever breaks, expires or changes; a checkpoint that was cut is refused",
        suites: &[suite("wire", &["upload::"])],
    },
    Class {
        part: "Batches and journals",
        holds: "No input is lost and none is sent twice by kills, locks, lost answers or jumps of the clock; a file that is \
                no journal stays as it is",
        suites: &[
            suite("lib", &["batch::file_journal::", "batch::tests::", "reconcile::"]),
            suite("client", &["killed::", "killed_budget::"]),
        ],
    },
    Class {
        part: "Fleets",
        holds: "An answer counts once, also after its lease has ended; leases follow the clock of the database alone",
        suites: &[suite("fleet", &["work::", "doubts::", "webhooks::"])],
    },
    Class {
        part: "The generator",
        holds: "No name, text or path of a document becomes code or leaves its folder; size and time stay in proportion",
        suites: &[
            suite("hostile", &[""]),
            suite("budgets", &[""]),
            suite("bad_inputs", &[""]),
            suite("mutations", &[""]),
        ],
    },
    Class {
        part: "The emulator's port",
        holds: "Malformed, oversized and slow requests are refused; none hides another, and the emulator goes on",
        suites: &[suite("hostile_input", &[""])],
    },
    Class {
        part: "The emulator and foreign sites",
        holds: "No page of another site, under its own name or by its origin, reads, scripts or sends through the emulator",
        suites: &[
            suite(
                "hosts",
                &[
                    "requests_under_the_name",
                    "every_name_of_fal",
                    "clients_that_do_not",
                    "host_headers_select",
                ],
            ),
            suite("admin", &["admin_requests_from_other_origins"]),
            suite("webhooks", &["pages_of_foreign_sites"]),
            suite(
                "page",
                &["other_sites_cannot", "the_page_loads_nothing", "the_feed_is_small", "ids_with_special"],
            ),
            suite("lib", &["net::tls::"]),
        ],
    },
    Class {
        part: "The emulator's folders and recordings",
        holds: "Damaged files are refused or passed over, paths stay inside, and only their owner can read them",
        suites: &[
            suite("data_dir", &[""]),
            suite("recording", &["hostile_and_damaged"]),
            suite("recorded_web_sockets", &["damaged_messages"]),
            suite("lib", &["store::file_archive::", "queue::job_archive::", "recording::secrets::"]),
        ],
    },
    Class {
        part: "A command under the emulator",
        holds: "It never sees a key of the user, no name of fal leads outside, and nothing of it is left behind",
        suites: &[suite(
            "command",
            &[
                "the_key_of_the_user_never_reaches_the_command",
                "signals_are_passed_on",
                "a_killed_emulator_leaves",
                "other_hosts_are_reached",
            ],
        )],
    },
];
