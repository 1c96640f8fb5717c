// What every example of a language shows, in the words of ../transcript.txt. Usage: transcript ADDRESS KEY
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"edgequake-example/edgequake"
)

type object = map[string]any

// answer has what the transcript shows of chat completions and their chunks.
type answer struct {
	Choices []struct {
		Message      struct{ Content string }
		FinishReason string `json:"finish_reason"`
	}
	Usage struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
	}
}

func request(prompt string) object {
	return object{
		"model":       "openai/gpt-4o-mini",
		"api_base":    os.Args[1],
		"api_key":     os.Args[2],
		"num_retries": 0,
		"messages":    []object{{"role": "user", "content": prompt}},
	}
}

func with(request object, key string, value any) object {
	request[key] = value
	return request
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func parse(raw json.RawMessage) (made answer) {
	must(0, json.Unmarshal(raw, &made))
	return made
}

func completion(ctx context.Context, client *edgequake.Client) {
	fmt.Println("completion")
	got := parse(must(client.Completion(ctx, request("Name the capital of France."))))
	fmt.Printf("  answer: %s\n", got.Choices[0].Message.Content)
	fmt.Printf("  finish reason: %s\n", got.Choices[0].FinishReason)
	fmt.Printf("  tokens: %d + %d\n", got.Usage.Prompt, got.Usage.Completion)
}

func stream(ctx context.Context, client *edgequake.Client) {
	fmt.Println("stream")
	stream := must(client.Stream(ctx, request("Describe the sea."), 0))
	text, pieces, reason := "", 0, ""
	for event := range stream.Events() {
		text += event.Text
		if event.Text != "" {
			pieces++
		}
		if event.Chunk != nil {
			if chunk := parse(event.Chunk); len(chunk.Choices) > 0 && chunk.Choices[0].FinishReason != "" {
				reason = chunk.Choices[0].FinishReason
			}
		}
	}
	must(0, stream.Err())
	fmt.Printf("  text: %s\n  pieces: %d\n  finish reason: %s\n", text, pieces, reason)
}

// A queue of 64 KiB. While nobody receives from the channel the library reads nothing from the server, which so has to wait.
func backpressure(ctx context.Context, client *edgequake.Client) {
	fmt.Println("backpressure")
	stream := must(client.Stream(ctx, request("Recite the encyclopedia."), 65536))
	pieces, bytes := 0, 0
	for event := range stream.Events() {
		if event.Text == "" {
			continue
		}
		pieces++
		bytes += len(event.Text)
		if pieces == 1 {
			fmt.Println("  one piece read; the reader turns to something else")
			got := parse(must(client.Completion(ctx, request("What does the encyclopedia do?"))))
			fmt.Printf("  meanwhile: %s\n", got.Choices[0].Message.Content)
		}
	}
	must(0, stream.Err())
	fmt.Printf("  pieces: %d\n  bytes: %d\n", pieces, bytes)
}

func cancel(ctx context.Context, client *edgequake.Client) {
	fmt.Println("cancel")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream := must(client.Stream(ctx, request("Count to a million."), 0))
	for event := range stream.Events() {
		if event.Text != "" && ctx.Err() == nil {
			fmt.Printf("  first piece: %s\n", event.Text)
			cancel()
		}
	}
	if errors.Is(stream.Err(), context.Canceled) {
		fmt.Println("  cancelled: yes")
	} else {
		fmt.Printf("  cancelled: %v\n", stream.Err())
	}
}

func show(client *edgequake.Client, name string, wrong object, expected edgequake.Kind) {
	_, err := client.Completion(context.Background(), wrong)
	var failure *edgequake.Error
	if !errors.As(err, &failure) {
		fmt.Printf("  %s: %v\n", name, err)
		return
	}
	fmt.Printf("  %s: %s, HTTP status %d\n", name, failure.Name, failure.HTTPStatus)
	if !errors.Is(err, expected) {
		fmt.Printf("    unexpected: %v\n", err)
	}
	if failure.HTTPStatus != 0 {
		fmt.Printf("    message: %s\n", failure.Message)
	}
	if failure.RetryAfter >= 0 {
		fmt.Printf("    retry after: %d ms\n", failure.RetryAfter.Milliseconds())
	}
}

func failures(client *edgequake.Client) {
	fmt.Println("errors")
	nothing := request("")
	delete(nothing, "messages")
	// Refused by the library itself, before anything is sent.
	show(client, "no messages", nothing, edgequake.BadRequest)
	show(client, "refused key", with(request("Let me in."), "api_key", "a-key-that-is-refused"), edgequake.Authentication)
	show(client, "too many", request("Hurry."), edgequake.RateLimit)
}

func embedding(ctx context.Context, client *edgequake.Client) {
	fmt.Println("embedding")
	asked := with(request(""), "model", "openai/text-embedding-3-small")
	delete(asked, "messages")
	var got struct {
		Data []struct {
			Index     int
			Embedding []float64
		}
		Usage struct {
			Total int `json:"total_tokens"`
		}
	}
	raw := must(client.Embedding(ctx, with(asked, "input", []string{"the sea", "a lake"})))
	must(0, json.Unmarshal(raw, &got))
	for _, item := range got.Data {
		fmt.Printf("  %d:", item.Index)
		for _, number := range item.Embedding {
			fmt.Printf(" %.3f", number)
		}
		fmt.Println()
	}
	fmt.Printf("  tokens: %d\n", got.Usage.Total)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: transcript ADDRESS KEY")
		os.Exit(2)
	}
	ctx := context.Background()
	client := must(edgequake.NewClient())
	defer client.Close()
	completion(ctx, client)
	stream(ctx, client)
	backpressure(ctx, client)
	cancel(ctx, client)
	failures(client)
	embedding(ctx, client)
}
