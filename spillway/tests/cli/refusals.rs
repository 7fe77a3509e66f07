//! What is refused at once: exit codes and sentences of the compiled program.

use crate::support::run;

async fn refusal(args: &[&str]) -> (i32, String) {
    let runtime = tempfile::tempdir().unwrap();
    let output = run(runtime.path(), args).await;
    assert!(output.stdout.is_empty(), "{output:?}");
    let words = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), words)
}

#[tokio::test]
async fn wrong_arguments_end_with_2_and_what_is_allowed() {
    let (code, words) = refusal(&["topics", "apply", "--profile", "staging"]).await;
    assert_eq!(code, 2);
    for profile in events::profile::Profile::ALL {
        assert!(words.contains(profile.name), "{words}");
    }
    let (code, words) = refusal(&["dev", "--parameter", "patience_ms=1"]).await;
    assert_eq!(code, 2);
    assert!(words.contains("payment_deadline_ms"), "{words}");
    let (code, words) = refusal(&["bench", "orders", "--only", "list"]).await;
    assert_eq!(code, 2);
    assert!(words.contains("hot, spread, sold-out"), "{words}");
    assert!(!words.contains("uncached"), "{words}");
}

#[tokio::test]
async fn a_missing_system_or_broker_ends_with_3() {
    let (code, words) = refusal(&["status"]).await;
    assert_eq!(code, 3);
    assert!(words.contains("spillway dev"), "{words}");
    let nowhere = ["--kafka-bootstrap-servers", "127.0.0.1:1"];
    let (code, words) = refusal(&[&["topics", "check"][..], &nowhere].concat()).await;
    assert_eq!(code, 3, "{words}");
}

#[tokio::test]
async fn a_completion_script_names_every_verb() {
    let runtime = tempfile::tempdir().unwrap();
    let output = run(runtime.path(), &["completions", "bash"]).await;
    let script = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for verb in ["dev", "status", "topics", "schemas", "rules", "import", "verify", "bench"] {
        assert!(script.contains(verb), "{verb}");
    }
}

#[tokio::test]
async fn a_system_on_taken_ports_is_refused_before_anything_starts() {
    // Taken by this test, unless somebody else has it already, which is as good.
    let _taken = std::net::TcpListener::bind("127.0.0.1:8080");
    let (code, words) = refusal(&["dev"]).await;
    assert_eq!(code, 3);
    assert!(words.contains("port 8080 is in use by "), "{words}");
    assert!(words.contains("--random-ports"), "{words}");
    assert!(!words.contains('✓'), "{words}");
}
