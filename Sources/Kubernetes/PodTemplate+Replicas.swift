public import JSON

extension PodTemplate {
    /// True if nothing prevents a second replica of a workload: not a StatefulSet, a database or the Recreate strategy, no
    /// writable volume.
    ///
    /// - Parameters:
    ///   - workload: The object with the template.
    ///   - kind: The kind of the object.
    /// - Returns: True if it can.
    /// - Throws: ``CannotEvaluate/malformed(_:expected:)`` if a field has the wrong type.
    public func canRunTwice(in workload: Value, _ kind: ResourceKind) throws(CannotEvaluate) -> Bool {
        guard kind != .statefulSet else { return false }
        if try Field(workload)["spec"]["strategy"]["type"].equals("Recreate") { return false }
        let writable: [StaticString] = [
            "persistentVolumeClaim", "emptyDir", "ephemeral", "hostPath", "awsElasticBlockStore", "azureDisk",
            "cinder", "fc", "flexVolume", "gcePersistentDisk", "iscsi", "portworxVolume", "rbd", "vsphereVolume",
        ]
        for container in mainContainers {
            let ports = try container.ports.objects().map(\.base)
            if PortProtocol.isDataImage(container) || ports.contains(where: PortProtocol.isOfData) { return false }
        }
        for volume in try volumes.objects() {
            for key in writable where volume.base.present(key) != nil { return false }
        }
        return true
    }
}
