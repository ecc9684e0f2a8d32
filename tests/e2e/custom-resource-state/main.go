// Command custom-resource-state answers what kube-state-metrics exposes for custom resources: one
// JSON document a line in, with a configuration as YAML and objects; one out, with the lines of
// each object, or the error. It is built once for each version, from the same source.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/klog/v2"
	crs "k8s.io/kube-state-metrics/v2/pkg/customresourcestate"
	"k8s.io/kube-state-metrics/v2/pkg/metric"
	generator "k8s.io/kube-state-metrics/v2/pkg/metric_generator"
)

type question struct {
	Config  string            `json:"config"`
	Objects []json.RawMessage `json:"objects"`
}

type answer struct {
	Error string     `json:"error,omitempty"`
	Lines [][]string `json:"lines"`
}

func main() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	out := bufio.NewWriter(os.Stdout)
	answers := json.NewEncoder(out)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var asked question
		fail(json.Unmarshal(lines.Bytes(), &asked))
		fail(answers.Encode(evaluate(asked)))
	}
	fail(lines.Err())
	fail(out.Flush())
}

func evaluate(asked question) (found answer) {
	defer func() { // 2.18 panics where later versions have an error
		if cause := recover(); cause != nil {
			found = answer{Error: fmt.Sprint("panic: ", cause)}
		}
	}()
	var config crs.Metrics
	if err := yaml.NewDecoder(strings.NewReader(asked.Config)).Decode(&config); err != nil {
		return answer{Error: err.Error()}
	}
	var families []generator.FamilyGenerator
	for _, resource := range config.Spec.Resources {
		for i := range resource.Metrics {
			each := &resource.Metrics[i].Each
			each.Type = metric.Type(strings.ToLower(string(each.Type)))
		}
		factory, err := crs.NewCustomResourceMetrics(resource)
		if err != nil {
			return answer{Error: err.Error()}
		}
		families = append(families, factory.MetricFamilyGenerators()...)
	}
	found.Lines = [][]string{}
	for _, raw := range asked.Objects {
		var object unstructured.Unstructured
		fail(object.UnmarshalJSON(raw))
		lines := []string{}
		for _, family := range families {
			text := string(family.Generate(&object).ByteSlice())
			if text != "" {
				lines = append(lines, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
			}
		}
		found.Lines = append(found.Lines, lines)
	}
	return found
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "custom-resource-state:", err)
		os.Exit(1)
	}
}
