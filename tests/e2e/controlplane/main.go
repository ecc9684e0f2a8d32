// Command controlplane is a Kubernetes control plane in one binary: etcd, the
// API server and the controller manager, each run under its own name as the
// first argument, and the small chores that tests need around them.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
)

// commands maps the first argument to what it runs. Each gets the remaining
// arguments and returns the exit code.
var commands = map[string]func(arguments []string) int{
	"compact":                 compact,
	"etcd":                    runEtcd,
	"keys":                    keys,
	"kube-apiserver":          runAPIServer,
	"kube-controller-manager": runControllerManager,
}

func main() {
	if len(os.Args) > 1 {
		if command, known := commands[os.Args[1]]; known {
			os.Exit(command(os.Args[2:]))
		}
	}
	names := make([]string, 0, len(commands))
	for name := range commands {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintf(os.Stderr, "usage: controlplane %s [arguments]\n", strings.Join(names, " | "))
	os.Exit(2)
}

// fail prints why a command failed and gives its exit code.
func fail(command string, err error) int {
	fmt.Fprintf(os.Stderr, "controlplane %s: %v\n", command, err)
	return 1
}
