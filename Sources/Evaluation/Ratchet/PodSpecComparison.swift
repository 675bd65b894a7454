import JSON
import Kubernetes

/// A pod spec in the form in which two are compared.
///
/// The API server fills fields in where it knows a kind itself: a ReplicaSet has the defaults, the Rollout that it belongs
/// to has what its author wrote. `imagePullPolicy` is not compared: its default depends on the first tag of the image, and
/// no rule reads it.
extension Literal {
    /// The pod spec without defaults and without members that are null or empty; amounts of resources in one form.
    var comparablePodSpec: Literal {
        guard case .object(let members) = self else { return self }
        let name = self["serviceAccountName"]
        // The former name of a field, which the API server keeps alike.
        return Literal.object(members.filter { $0.key != "serviceAccount" || $0.value != name }).comparable(at: "")
    }

    private func comparable(at place: String) -> Literal {
        switch self {
        case .object(let members):
            .object(
                members.compactMap { member in
                    let inner = Literal.place(of: member.key, in: place)
                    let value = member.value.comparable(at: inner)
                    guard !value.isEmpty, Literal.defaults[inner] != value, inner != "container.imagePullPolicy" else {
                        return nil
                    }
                    return Member(member.key, value)
                })
        case .array(let elements): .array(elements.map { $0.comparable(at: place) })
        case .string(let text), .number(let text):
            Literal.amounts.contains(where: place.hasPrefix) ? .string(Quantity(text)?.normalText ?? text) : self
        default: self
        }
    }

    private var isEmpty: Bool {
        switch self {
        case .null: true
        case .string(let text): text.isEmpty
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        default: false
        }
    }

    /// The place of a member, with one name for all containers, for all probes and for both lifecycle handlers.
    private static func place(of key: String, in place: String) -> String {
        switch (place, key) {
        case ("", "containers"), ("", "initContainers"), ("", "ephemeralContainers"): "container"
        case ("", _): key
        case ("container", "livenessProbe"), ("container", "readinessProbe"), ("container", "startupProbe"):
            "container.probe"
        case ("container.lifecycle", "postStart"), ("container.lifecycle", "preStop"): "container.handler"
        default: "\(place).\(key)"
        }
    }

    /// The beginnings of the places that hold amounts.
    private static let amounts = [
        "container.resources.limits.", "container.resources.requests.", "resources.limits.", "resources.requests.",
        "volumes.emptyDir.sizeLimit",
    ]

    /// What the API server fills in (pkg/apis/core/v1/defaults.go of Kubernetes 1.36), and what it does not keep.
    private static let defaults: [String: Literal] = [
        "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30, "hostNetwork": false, "hostPID": false, "hostIPC": false,
        "container.terminationMessagePath": "/dev/termination-log", "container.terminationMessagePolicy": "File",
        "container.stdin": false, "container.stdinOnce": false, "container.tty": false,
        "container.volumeMounts.readOnly": false, "container.ports.protocol": "TCP",
        "container.env.valueFrom.fieldRef.apiVersion": "v1",
        "container.probe.failureThreshold": 3, "container.probe.periodSeconds": 10,
        "container.probe.successThreshold": 1, "container.probe.timeoutSeconds": 1,
        "container.probe.httpGet.path": "/", "container.probe.httpGet.scheme": "HTTP",
        "container.handler.httpGet.path": "/", "container.handler.httpGet.scheme": "HTTP",
        "volumes.secret.defaultMode": 420, "volumes.configMap.defaultMode": 420, "volumes.projected.defaultMode": 420,
        "volumes.downwardAPI.defaultMode": 420, "volumes.downwardAPI.items.fieldRef.apiVersion": "v1",
        "volumes.projected.sources.downwardAPI.items.fieldRef.apiVersion": "v1",
        "volumes.projected.sources.serviceAccountToken.expirationSeconds": 3600,
        "volumes.persistentVolumeClaim.readOnly": false,
        "volumes.ephemeral.volumeClaimTemplate.spec.volumeMode": "Filesystem",
    ]
}
