// Command platform is what a platform team brings to Crossplane: a composition
// function, and a provider. Both do what the resources themselves ask for, so
// that a test decides what becomes ready, what waits and what fails.
package main

import (
	"fmt"
	"os"
)

// Outcome is what a resource asks to become of it.
type outcome string

const (
	outcomeReady   outcome = "Ready"   // the managed resources become ready
	outcomeWaiting outcome = "Waiting" // they are in sync, but never ready
	outcomeFailing outcome = "Failing" // the provider cannot bring them in sync
	outcomeBroken  outcome = "Broken"  // the composition function itself fails
)

func main() {
	commands := map[string]func([]string) error{
		"certificates": writeCertificates,
		"function":     serveFunction,
		"provider":     runProvider,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: platform certificates | function | provider [arguments]")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "platform %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
