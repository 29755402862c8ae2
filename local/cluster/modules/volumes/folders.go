package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// folders creates and removes one folder for each volume. The folder has the volume's name.
type folders struct {
	path string // the parent of all folders
	node string // the name of the node that has them
}

// Provision creates a volume and its folder. As on a new disk, root owns the folder, and a pod's fsGroup opens it to others.
func (f folders) Provision(_ context.Context, options controller.ProvisionOptions) (
	*v1.PersistentVolume, controller.ProvisioningState, error,
) {
	if options.PVC.Spec.Selector != nil {
		return nil, controller.ProvisioningFinished, errors.New("a claim with a selector gets no new volume: remove the selector")
	}
	root, err := os.OpenRoot(f.path)
	if err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	defer root.Close()
	if err := root.MkdirAll(options.PVName, 0o755); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	mode := v1.PersistentVolumeFilesystem
	volume := &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: v1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   options.PVC.Spec.AccessModes,
			VolumeMode:                    &mode,
			Capacity:                      v1.ResourceList{v1.ResourceStorage: options.PVC.Spec.Resources.Requests[v1.ResourceStorage]},
			// A hostPath volume would not do, because the kubelet ignores fsGroup for it.
			PersistentVolumeSource: v1.PersistentVolumeSource{
				Local: &v1.LocalVolumeSource{Path: filepath.Join(f.path, options.PVName)},
			},
			NodeAffinity: &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{
				MatchExpressions: []v1.NodeSelectorRequirement{{
					Key: v1.LabelHostname, Operator: v1.NodeSelectorOpIn, Values: []string{f.node},
				}},
			}}}},
		},
	}
	klog.InfoS("Created a volume", "volume", options.PVName, "claim", klog.KObj(options.PVC))
	return volume, controller.ProvisioningFinished, nil
}

// Delete removes the folder. Neither the volume's name nor a link can lead out of the parent folder, because os.Root forbids it.
func (f folders) Delete(_ context.Context, volume *v1.PersistentVolume) error {
	root, err := os.OpenRoot(f.path)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.RemoveAll(volume.Name); err != nil {
		return err
	}
	klog.InfoS("Removed a volume", "volume", volume.Name)
	return nil
}
