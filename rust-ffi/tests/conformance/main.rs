//! What providers send, and what must come of it: one module a protocol. Each test is named by the trap's id, and runs its transcript
//! whole, one byte at a time and cut in two at every byte.

mod anthropic;
mod bedrock;
mod cohere;
mod gemini;
mod ollama;
mod openai;
mod operations;
mod replicate;
mod transcript;
