use std::process::Command;

#[test]
fn the_demo_shows_a_purchase_a_redemption_and_a_refusal() {
    let output = Command::new(crate::BINARY).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    for line in
        ["The reader's wallet has 100.", "\"replayed\":true", "\"spent\"", "All that each service's store"]
    {
        assert!(printed.contains(line), "{line:?} is not in:\n{printed}");
    }
}
