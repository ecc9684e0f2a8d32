package main

import (
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The managed resources of both generations: in the group of the older one they
// belong to the cluster, in that of the newer one to a namespace.
var bucketVersions = []schema.GroupVersion{
	{Group: "cloud.example.org", Version: "v1beta1"},
	{Group: "cloud.m.example.org", Version: "v1beta1"},
}

// bucket is a managed resource. Its kind is Bucket in both groups.
type bucket struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   bucketSpec   `json:"spec"`
	Status bucketStatus `json:"status,omitempty"`
}

type bucketSpec struct {
	ForProvider        bucketParameters        `json:"forProvider"`
	DeletionPolicy     string                  `json:"deletionPolicy,omitempty"`
	ManagementPolicies xpv2.ManagementPolicies `json:"managementPolicies,omitempty"`
	ProviderConfigRef  *providerConfigRef      `json:"providerConfigRef,omitempty"`
}

type bucketParameters struct {
	Outcome outcome `json:"outcome,omitempty"`
}

type providerConfigRef struct {
	Kind string `json:"kind,omitempty"`
	Name string `json:"name"`
}

type bucketStatus struct {
	xpv2.ConditionedStatus `json:",inline"`
}

func (b *bucket) SetConditions(conditions ...xpv2.Condition) { b.Status.SetConditions(conditions...) }

func (b *bucket) GetCondition(kind xpv2.ConditionType) xpv2.Condition {
	return b.Status.GetCondition(kind)
}

func (b *bucket) SetManagementPolicies(policies xpv2.ManagementPolicies) {
	b.Spec.ManagementPolicies = policies
}

func (b *bucket) GetManagementPolicies() xpv2.ManagementPolicies { return b.Spec.ManagementPolicies }

// The buckets have no connection secrets.
func (b *bucket) SetWriteConnectionSecretToReference(*xpv2.LocalSecretReference) {}

func (b *bucket) GetWriteConnectionSecretToReference() *xpv2.LocalSecretReference { return nil }

func (b *bucket) DeepCopyObject() runtime.Object {
	copied := *b
	b.ObjectMeta.DeepCopyInto(&copied.ObjectMeta)
	b.Status.ConditionedStatus.DeepCopyInto(&copied.Status.ConditionedStatus)
	copied.Spec.ManagementPolicies = append(xpv2.ManagementPolicies(nil), b.Spec.ManagementPolicies...)
	if b.Spec.ProviderConfigRef != nil {
		reference := *b.Spec.ProviderConfigRef
		copied.Spec.ProviderConfigRef = &reference
	}
	return &copied
}

// bucketList is a list of managed resources.
type bucketList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []bucket `json:"items"`
}

func (l *bucketList) DeepCopyObject() runtime.Object {
	copied := *l
	l.ListMeta.DeepCopyInto(&copied.ListMeta)
	copied.Items = make([]bucket, len(l.Items))
	for i := range l.Items {
		copied.Items[i] = *l.Items[i].DeepCopyObject().(*bucket)
	}
	return &copied
}

// bucketScheme knows the buckets of one group. There is one scheme for each,
// because a scheme takes a Go type for one kind only.
func bucketScheme(version schema.GroupVersion) *runtime.Scheme {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypeWithName(version.WithKind("Bucket"), &bucket{})
	scheme.AddKnownTypeWithName(version.WithKind("BucketList"), &bucketList{})
	metav1.AddToGroupVersion(scheme, version)
	return scheme
}
