// A router: two deployments of one name, and another model where both fail. Usage: router ADDRESS KEY
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"

	"edgequake-example/edgequake"
)

type object = map[string]any

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

// deployment is one place that serves a group of models.
func deployment(group, id, model string) object {
	params := object{"model": "openai/" + model, "api_base": os.Args[1], "api_key": os.Args[2]}
	return object{"model_name": group, "litellm_params": params, "model_info": object{"id": id}}
}

func request(group, prompt string) object {
	return object{"router": "main", "model": group, "messages": []object{{"role": "user", "content": prompt}}}
}

// ask prints an answer and the deployment that gave it.
func ask(client *edgequake.Client, group, prompt string) string {
	stream, err := client.Stream(context.Background(), request(group, prompt), 0)
	if err != nil {
		return err.Error()
	}
	for range stream.Events() {
	}
	if stream.Err() != nil {
		return stream.Err().Error()
	}
	return answered(stream)
}

func answered(stream *edgequake.Stream) string {
	var meta struct {
		Router struct{ Group, Deployment string }
	}
	must(0, json.Unmarshal(stream.Meta(), &meta))
	return fmt.Sprintf("%s of %s", meta.Router.Deployment, meta.Router.Group)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: router ADDRESS KEY")
		os.Exit(2)
	}
	client := must(edgequake.NewConfiguredClient(object{"routers": object{"main": object{
		"model_list": []object{
			deployment("chat", "one", "gpt-4o"),
			deployment("chat", "two", "gpt-4o"),
			deployment("reserve", "three", "gpt-4o-mini"),
			deployment("fails", "four", "fails"),
		},
		"num_retries": 0,
		"fallbacks":   []object{{"fails": []string{"reserve"}}},
	}}}))
	defer client.Close()

	fmt.Println("spread")
	seen := map[string]int{}
	for range make([]int, 40) {
		seen[ask(client, "chat", "Hello")]++
	}
	for _, name := range names(seen) {
		fmt.Printf("  %s answered\n", name)
	}

	fmt.Println("fallback")
	fmt.Printf("  %s answered\n", ask(client, "fails", "Hello"))

	fmt.Println("another configuration")
	if err := client.Configure(object{"routers": object{"main": object{"model_list": []object{deployment("chat", "five", "gpt-4o")}}}}); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("  %s answered\n", ask(client, "chat", "Hello"))

	fmt.Println("a wrong configuration")
	err := client.Configure(object{"routers": object{"main": object{"routing_strategy": "fastest"}}})
	fmt.Printf("  refused: %t\n", errors.Is(err, edgequake.BadRequest))

	fmt.Println("what is known")
	var state struct {
		Deployments []struct {
			ID, Group string
			Healthy   bool
			Requests  int
		}
	}
	must(0, json.Unmarshal(must(client.Query("router_state", object{"router": "main"})), &state))
	for _, each := range state.Deployments {
		fmt.Printf("  %s of %s: healthy %t, %d requests in this minute\n", each.ID, each.Group, each.Healthy, each.Requests)
	}
}

func names(seen map[string]int) (names []string) {
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
