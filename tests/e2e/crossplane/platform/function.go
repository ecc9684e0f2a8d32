package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/certificates"
	fnv1 "github.com/crossplane/crossplane/v2/proto/fn/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

// serveFunction serves the composition function over mutual TLS until it is ended.
func serveFunction(arguments []string) error {
	flags := flag.NewFlagSet("function", flag.ExitOnError)
	address := flags.String("address", "127.0.0.1:9443", "where to listen")
	directory := flags.String("certificates", ".", "directory that has ca.crt, tls.crt and tls.key")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	tls, err := certificates.LoadMTLSConfig(
		filepath.Join(*directory, "ca.crt"),
		filepath.Join(*directory, "tls.crt"),
		filepath.Join(*directory, "tls.key"),
		true)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(tls)))
	fnv1.RegisterFunctionRunnerServiceServer(server, function{})
	return server.Serve(listener)
}

// function composes managed resources of the kind that its input names, as many
// as spec.parameters.resources of the composite says, and each asked to become
// what spec.parameters.outcome says; and, where spec.parameters.nested says so, one
// composite of its own kind. The composite is ready when they are.
type function struct {
	fnv1.UnimplementedFunctionRunnerServiceServer
}

func (function) RunFunction(_ context.Context, request *fnv1.RunFunctionRequest) (*fnv1.RunFunctionResponse, error) {
	response := &fnv1.RunFunctionResponse{
		Meta:    &fnv1.ResponseMeta{Tag: request.GetMeta().GetTag(), Ttl: durationpb.New(time.Minute)},
		Desired: request.GetDesired(),
	}
	if response.Desired == nil {
		response.Desired = &fnv1.State{}
	}
	if response.Desired.Resources == nil {
		response.Desired.Resources = map[string]*fnv1.Resource{}
	}
	parameters := at(request.GetObserved().GetComposite().GetResource(), "spec", "parameters").GetFields()
	wanted := parameters["outcome"].GetStringValue()
	if outcome(wanted) == outcomeBroken {
		response.Results = []*fnv1.Result{{
			Severity: fnv1.Severity_SEVERITY_FATAL,
			Message:  "the resource asked for a function that fails",
		}}
		return response, nil
	}
	kind := at(request.GetInput(), "compose").GetFields()
	for number := range int(parameters["resources"].GetNumberValue()) {
		composed, err := structpb.NewStruct(map[string]any{
			"apiVersion": kind["apiVersion"].GetStringValue(),
			"kind":       kind["kind"].GetStringValue(),
			"spec":       map[string]any{"forProvider": map[string]any{"outcome": wanted}},
		})
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("resource-%d", number)
		resource := &fnv1.Resource{Resource: composed, Ready: fnv1.Ready_READY_FALSE}
		if isReady(request.GetObserved().GetResources()[name].GetResource()) {
			resource.Ready = fnv1.Ready_READY_TRUE
		}
		response.Desired.Resources[name] = resource
	}
	if parameters["nested"].GetBoolValue() {
		composed, err := structpb.NewStruct(map[string]any{
			"apiVersion": request.GetObserved().GetComposite().GetResource().GetFields()["apiVersion"].GetStringValue(),
			"kind":       request.GetObserved().GetComposite().GetResource().GetFields()["kind"].GetStringValue(),
			"spec":       map[string]any{"parameters": map[string]any{"outcome": wanted, "resources": 1}},
		})
		if err != nil {
			return nil, err
		}
		resource := &fnv1.Resource{Resource: composed, Ready: fnv1.Ready_READY_FALSE}
		if isReady(request.GetObserved().GetResources()["nested"].GetResource()) {
			resource.Ready = fnv1.Ready_READY_TRUE
		}
		response.Desired.Resources["nested"] = resource
	}
	return response, nil
}

// isReady tells whether an object has the condition Ready with status True.
func isReady(object *structpb.Struct) bool {
	for _, value := range at(object, "status").GetFields()["conditions"].GetListValue().GetValues() {
		condition := value.GetStructValue().GetFields()
		if condition["type"].GetStringValue() == "Ready" {
			return condition["status"].GetStringValue() == "True"
		}
	}
	return false
}

// at gives the object at a path within an object; nil, which is empty, when there is none.
func at(object *structpb.Struct, path ...string) *structpb.Struct {
	for _, key := range path {
		object = object.GetFields()[key].GetStructValue()
	}
	return object
}
