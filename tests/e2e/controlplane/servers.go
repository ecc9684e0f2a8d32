package main

import (
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // registers client-go's metrics, as the real binaries do
	_ "k8s.io/component-base/metrics/prometheus/version"  // registers the build's version metric
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func runEtcd(arguments []string) int {
	etcdmain.Main(append([]string{"etcd"}, arguments...))
	return 0
}

func runAPIServer(arguments []string) int {
	return runCommand(apiserver.NewAPIServerCommand(), arguments)
}

func runControllerManager(arguments []string) int {
	return runCommand(controllermanager.NewControllerManagerCommand(), arguments)
}

// runCommand runs a command of Kubernetes as if it were the whole program.
// The commands also read os.Args themselves, for the flags of logging.
func runCommand(command *cobra.Command, arguments []string) int {
	os.Args = append([]string{command.Name()}, arguments...)
	command.SetArgs(arguments)
	return cli.Run(command)
}
