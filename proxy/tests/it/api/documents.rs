//! Uploaded documents: what can be read is, and nothing that is sent harms the server.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{Guest, Server, is, refusal};

const PDF: &str = "application/pdf";
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const RESUMES: [(&str, &[u8]); 2] = [
    (PDF, include_bytes!("../../fixtures/documents/resume.pdf")),
    (DOCX, include_bytes!("../../fixtures/documents/resume.docx")),
];

async fn send(guest: &Guest<'_>, kind: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
    guest.request(Method::POST, "/api/documents").header("content-type", kind).body(body).send().await.unwrap()
}

#[tokio::test]
async fn what_a_resume_says_comes_back_as_text() {
    let server = Server::start().await;
    let guest = server.guest().await;
    for (kind, file) in RESUMES {
        let response = send(&guest, kind, file).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["cache-control"]),
            (200, &"no-store".parse().unwrap())
        );
        let found: Value = response.json().await.unwrap();
        assert!(found["text"].as_str().unwrap().contains("Ten years of bridges & arches in Malmö."), "{found}");
        assert_eq!(found["cut"], false);
    }
    let long: Value = send(&guest, "text/plain; charset=utf-8", "é".repeat(20_001)).await.json().await.unwrap();
    assert_eq!((&long["characters"], &long["cut"]), (&json!(20_000), &json!(true)));
}

#[tokio::test]
async fn what_is_no_document_is_refused_and_says_why() {
    let server = Server::start().await;
    let guest = server.guest().await;
    assert_eq!(refusal(send(&guest, "image/png", "x").await).await, is(415, "UNSUPPORTED_MEDIA_TYPE"));
    let big = vec![b'a'; 2 * 1024 * 1024 + 1];
    assert_eq!(refusal(send(&guest, "text/plain", big).await).await, is(413, "PAYLOAD_TOO_LARGE"));
    for (kind, body) in [(PDF, &b"no"[..]), (DOCX, b"no"), ("text/plain", b"  "), ("text/markdown", &[0xff])] {
        assert_eq!(refusal(send(&guest, kind, body).await).await, is(422, "DOCUMENT_UNREADABLE"));
    }
    let stranger = server.request(Method::POST, "/api/documents").header("content-type", PDF).body("x").send().await;
    assert_eq!(refusal(stranger.unwrap()).await, is(401, "AUTHENTICATION_FAILED"));
}

/// A hundred of each sort: bytes flipped, pieces moved, repeated or cut off.
#[tokio::test]
async fn two_hundred_mangled_files_are_answered_and_harm_nothing() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let mut random = StdRng::seed_from_u64(2026);
    let mut refused = 0;
    for (kind, file) in RESUMES {
        for case in 0..100 {
            let response = send(&guest, kind, mangled(file, &mut random)).await;
            let status = response.status().as_u16();
            let body: Value = response.json().await.unwrap();
            match status {
                200 => assert!(body["text"].as_str().unwrap().chars().count() <= 20_000),
                422 => assert_eq!(body["code"], "DOCUMENT_UNREADABLE"),
                other => panic!("case {case} of {kind}: {other} {body}"),
            }
            refused += u32::from(status == 422);
        }
    }
    assert!((1..200).contains(&refused), "{refused} of 200 were too damaged: the cases are worth something");
    let good = send(&guest, RESUMES[0].0, RESUMES[0].1).await;
    assert_eq!(good.status(), 200, "and the next one is read as ever");
}

fn mangled(file: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = file.to_vec();
    let mut place = |most: usize| random.random_range(0..most.max(1));
    for _ in 0..=place(12) {
        let (at, end) = (place(bytes.len()), place(bytes.len()));
        match place(4) {
            0 => {
                for _ in 0..=place(40) {
                    let at = place(bytes.len());
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = u8::try_from(place(256)).unwrap();
                    }
                }
            }
            1 => drop(bytes.drain(at.min(end)..at.max(end).min(at.min(end) + 2_000))),
            2 => {
                let piece = bytes[at.min(end)..at.max(end).min(at.min(end) + 2_000)].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.truncate(bytes.len() - place(bytes.len() / 4)),
        }
    }
    bytes
}

/// What inflates a thousandfold, and what nests without end.
#[tokio::test]
async fn a_file_made_to_harm_ends_its_reader_only() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let nested =
        format!("%PDF-1.7\n1 0 obj\n{}\nendobj\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF", "[".repeat(1_500_000));
    let response = send(&guest, PDF, nested).await;
    assert_eq!(refusal(response).await, is(422, "DOCUMENT_UNREADABLE"));
    assert_eq!(send(&guest, RESUMES[1].0, RESUMES[1].1).await.status(), 200);
}
