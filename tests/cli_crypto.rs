//! Random bytes as arguments of the command: keys and nonces.

use support::command::{file, nbc, refuses};

const ECHO: &str = "export func @main(%a: tensor<u8>) -> tensor<u8> {\n  ret %a\n}\n";

#[test]
fn keys_come_from_the_system() {
    let echo = file("random.nba", ECHO);
    let runs: Vec<String> = (0..2).map(|_| nbc(&["run", &echo, "random:32"]).out).collect();
    assert_eq!(runs[0].matches(',').count(), 31, "{}", runs[0]);
    assert_ne!(runs[0], runs[1]);
}

#[test]
fn random_bytes_are_bytes_and_bounded() {
    let echo = file("bytes.nba", ECHO);
    let doubles = file("doubles.nba", ECHO.replace("u8", "f64"));
    refuses(&["run", &doubles, "random:8"], 2, &["random bytes are a tensor<u8>"]);
    refuses(&["run", &echo, "random:many"], 2, &["such as random:32"]);
    refuses(&["run", "--memory", "1M", &echo, "random:2000000"], 2, &["no room for 2000000 random bytes"]);
}
