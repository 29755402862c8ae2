package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// resyncPeriod is the time after which the informer handles all claims again, and with them those that failed.
const resyncPeriod = 10 * time.Second

// watchGrowth starts an informer of all claims and grows those of the provisioner as they request.
// A folder has no size, so only the numbers in the objects change.
func watchGrowth(ctx context.Context, client kubernetes.Interface, provisioner string) (cache.SharedIndexInformer, error) {
	factory := informers.NewSharedInformerFactory(client, resyncPeriod)
	claims := factory.Core().V1().PersistentVolumeClaims().Informer()
	growIfRequested := func(object any) {
		claim, isClaim := object.(*v1.PersistentVolumeClaim)
		if !isClaim || !wantsGrowth(claim, provisioner) {
			return
		}
		if err := grow(ctx, client, claim); err != nil {
			klog.ErrorS(err, "A claim could not grow and will be retried", "claim", klog.KObj(claim))
		}
	}
	_, err := claims.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    growIfRequested,
		UpdateFunc: func(_, object any) { growIfRequested(object) },
	})
	if err != nil {
		return nil, err
	}
	factory.Start(ctx.Done())
	return claims, nil
}

func wantsGrowth(claim *v1.PersistentVolumeClaim, provisioner string) bool {
	has, wants := claim.Status.Capacity[v1.ResourceStorage], claim.Spec.Resources.Requests[v1.ResourceStorage]
	ours := claim.Annotations["volume.kubernetes.io/storage-provisioner"] == provisioner
	return ours && claim.Status.Phase == v1.ClaimBound && wants.Cmp(has) > 0
}

// grow updates the size of the volume and then of the claim, in the order of Kubernetes' external resizer.
func grow(ctx context.Context, client kubernetes.Interface, claim *v1.PersistentVolumeClaim) error {
	size := map[string]any{"storage": claim.Spec.Resources.Requests.Storage().String()}
	volume, err := json.Marshal(map[string]any{"spec": map[string]any{"capacity": size}})
	if err != nil {
		return err
	}
	status, err := json.Marshal(map[string]any{"status": map[string]any{"capacity": size}})
	if err != nil {
		return err
	}
	core := client.CoreV1()
	if _, err := core.PersistentVolumes().Patch(
		ctx, claim.Spec.VolumeName, types.MergePatchType, volume, metav1.PatchOptions{},
	); err != nil {
		return fmt.Errorf("volume %s: %w", claim.Spec.VolumeName, err)
	}
	_, err = core.PersistentVolumeClaims(claim.Namespace).Patch(
		ctx, claim.Name, types.MergePatchType, status, metav1.PatchOptions{}, "status",
	)
	if err == nil {
		klog.InfoS("Grew a claim", "claim", klog.KObj(claim), "size", size["storage"])
	}
	return err
}
