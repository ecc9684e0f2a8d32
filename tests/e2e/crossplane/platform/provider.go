package main

import (
	"context"
	"errors"
	"flag"

	"github.com/crossplane/crossplane-runtime/v2/pkg/meta"
	"github.com/crossplane/crossplane-runtime/v2/pkg/reconciler/managed"
	"github.com/crossplane/crossplane-runtime/v2/pkg/resource"
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// runProvider reconciles the buckets of the cluster that KUBECONFIG names, with
// Crossplane's own reconciler for managed resources, until it is ended.
func runProvider(arguments []string) error {
	flags := flag.NewFlagSet("provider", flag.ExitOnError)
	health := flags.String("health", "127.0.0.1:8081", "where to answer /readyz")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	config.QPS = -1 // the API server is all ours
	group, ctx := errgroup.WithContext(ctrl.SetupSignalHandler())
	for _, version := range bucketVersions {
		manager, err := bucketManager(config, version, *health)
		if err != nil {
			return err
		}
		*health = "0" // one answer is enough for both
		group.Go(func() error { return manager.Start(ctx) })
	}
	return group.Wait()
}

func bucketManager(config *rest.Config, version schema.GroupVersion, health string) (ctrl.Manager, error) {
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                 bucketScheme(version),
		Metrics:                server.Options{BindAddress: "0"},
		HealthProbeBindAddress: health,
	})
	if err != nil {
		return nil, err
	}
	if err := manager.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return nil, err
	}
	reconciler := managed.NewReconciler(manager,
		resource.ManagedKind(version.WithKind("Bucket")),
		managed.WithExternalConnector(cloud{}),
		managed.WithManagementPolicies())
	return manager, ctrl.NewControllerManagedBy(manager).
		Named("bucket." + version.Group).
		WithOptions(controller.Options{MaxConcurrentReconciles: 10}).
		WithEventFilter(resource.DesiredStateChanged()).
		For(&bucket{}).
		Complete(reconciler)
}

// cloud is a cloud in which every bucket exists already, and is what it asked to be.
type cloud struct{}

func (cloud) Connect(context.Context, resource.Managed) (managed.ExternalClient, error) {
	return managed.ExternalClientFns{
		ObserveFn:    observe,
		DisconnectFn: func(context.Context) error { return nil },
	}, nil
}

func observe(_ context.Context, object resource.Managed) (managed.ExternalObservation, error) {
	if meta.WasDeleted(object) {
		return managed.ExternalObservation{}, nil // gone at once
	}
	switch object.(*bucket).Spec.ForProvider.Outcome {
	case outcomeFailing:
		return managed.ExternalObservation{}, errors.New("the cloud refused the credentials")
	case outcomeWaiting:
		object.SetConditions(xpv2.Creating())
	default:
		object.SetConditions(xpv2.Available())
	}
	return managed.ExternalObservation{ResourceExists: true, ResourceUpToDate: true}, nil
}
