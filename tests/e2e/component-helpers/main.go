// Command component-helpers answers what Kubernetes itself computes: one JSON document a line in,
// one out. It is built once for each version, from the same source.
//
//	component-helpers quantities           strings in; exact value, MilliValue and Value out, or null
//	component-helpers pods [OPTION]...     pods in; requests and limits out, of the same three
//
// An OPTION is a field of PodResourcesOptions that is set to true.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	helpers "k8s.io/component-helpers/resource"
)

type value struct {
	Exact string `json:"exact"`
	Milli int64  `json:"milli"`
	Units int64  `json:"units"`
}

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: component-helpers quantities | pods [OPTION]..."))
	}
	out := bufio.NewWriter(os.Stdout)
	answer := json.NewEncoder(out)
	options := optionsOf(os.Args[2:])
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		if os.Args[1] == "pods" {
			var pod v1.Pod
			fail(json.Unmarshal(lines.Bytes(), &pod))
			fail(answer.Encode(map[string]any{
				"requests": values(helpers.PodRequests(&pod, options)),
				"limits":   values(helpers.PodLimits(&pod, options)),
			}))
			continue
		}
		var text string
		fail(json.Unmarshal(lines.Bytes(), &text))
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			fail(answer.Encode(nil))
		} else {
			fail(answer.Encode(valueOf(quantity)))
		}
	}
	fail(lines.Err())
	fail(out.Flush())
}

// optionsOf sets fields by name, for not every version has every option.
func optionsOf(names []string) helpers.PodResourcesOptions {
	var options helpers.PodResourcesOptions
	for _, name := range names {
		field := reflect.ValueOf(&options).Elem().FieldByName(name)
		if !field.IsValid() {
			fail(fmt.Errorf("this version has no option %s", name))
		}
		field.SetBool(true)
	}
	return options
}

func values(list v1.ResourceList) map[string]value {
	all := map[string]value{}
	for name, quantity := range list {
		all[string(name)] = valueOf(quantity)
	}
	return all
}

func valueOf(quantity resource.Quantity) value {
	exact := quantity.DeepCopy()
	return value{exact.AsDec().String(), quantity.MilliValue(), quantity.Value()}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "component-helpers:", err)
		os.Exit(1)
	}
}
