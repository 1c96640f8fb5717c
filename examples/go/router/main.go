// A router and a cache: two deployments of one name, another model where one fails, and answers that are kept. Usage: router ADDRESS KEY
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

// meta is what an answer says of how it came about.
type meta struct {
	Router struct{ Group, Deployment string }
	Cache  struct {
		Hit   bool
		Key   string
		AgeMS int `json:"age_ms"`
	}
}

// answer reads a stream to its end: its text, and what is said of it.
func answer(client *edgequake.Client, request object) (text string, about meta, err error) {
	stream, err := client.Stream(context.Background(), request, 0)
	if err != nil {
		return "", about, err
	}
	for event := range stream.Events() {
		text += event.Text
	}
	if stream.Err() != nil {
		return text, about, stream.Err()
	}
	return text, about, json.Unmarshal(stream.Meta(), &about)
}

// ask names the deployment that answers.
func ask(client *edgequake.Client, group, prompt string) string {
	_, about, err := answer(client, request(group, prompt))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s of %s", about.Router.Deployment, about.Router.Group)
}

// cached is a request whose answer is kept in the cache of that name, and taken from there if it is there already.
func cached(prompt string) object {
	named := request("chat", prompt)
	named["cache_name"] = "answers"
	return named
}

// askCached prints where an answer comes from.
func askCached(client *edgequake.Client, request object) meta {
	text, about, err := answer(client, request)
	if err != nil {
		fmt.Println(err)
	} else if about.Cache.Hit {
		fmt.Printf("  %q from the cache, at most a minute old: %t\n", text, about.Cache.AgeMS < 60_000)
	} else {
		fmt.Printf("  %q from %s\n", text, about.Router.Group)
	}
	return about
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: router ADDRESS KEY")
		os.Exit(2)
	}
	client := must(edgequake.NewConfiguredClient(object{
		"routers": object{"main": object{
			"model_list": []object{
				deployment("chat", "one", "gpt-4o"),
				deployment("chat", "two", "gpt-4o"),
				deployment("reserve", "three", "gpt-4o-mini"),
				deployment("fails", "four", "fails"),
			},
			"num_retries": 0,
			"fallbacks":   []object{{"fails": []string{"reserve"}}},
		}},
		"caches": object{"answers": object{"type": "memory", "ttl": 60}},
	}))
	defer client.Close()

	fmt.Println("router")
	seen := map[string]int{}
	for range make([]int, 40) {
		seen[ask(client, "chat", "Hello")]++
	}
	for _, name := range names(seen) {
		fmt.Printf("  spread: %s answered\n", name)
	}
	fmt.Printf("  a model that fails: %s answered\n", ask(client, "fails", "Hello"))
	err := client.Configure(object{"routers": object{"main": object{"routing_strategy": "fastest"}}})
	fmt.Printf("  a wrong configuration is refused: %t\n", errors.Is(err, edgequake.BadRequest))
	must(0, client.Configure(object{"routers": object{"main": object{"model_list": []object{deployment("chat", "five", "gpt-4o")}}}}))
	fmt.Printf("  configured anew: %s answered\n", ask(client, "chat", "Hello"))
	var state struct {
		Deployments []struct {
			ID, Group string
			Healthy   bool
			Requests  int
		}
	}
	must(0, json.Unmarshal(must(client.Query("router_state", object{"router": "main"})), &state))
	for _, each := range state.Deployments {
		fmt.Printf("  known: %s of %s is healthy: %t, %d requests in this minute\n", each.ID, each.Group, each.Healthy, each.Requests)
	}

	fmt.Println("cache")
	first := askCached(client, cached("Name a river."))
	second := askCached(client, cached("Name a river."))
	fmt.Printf("  under the same key: %t\n", first.Cache.Key != "" && first.Cache.Key == second.Cache.Key)
	askCached(client, cached("Name a lake."))
	fresh := cached("Name a river.")
	fresh["cache"] = object{"no-cache": true}
	askCached(client, fresh)
	must(0, client.Configure(object{"caches": object{"answers": nil}}))
	_, _, err = answer(client, cached("Name a river."))
	fmt.Printf("  a name without a cache is refused: %t\n", errors.Is(err, edgequake.BadRequest))
}

func names(seen map[string]int) (names []string) {
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
