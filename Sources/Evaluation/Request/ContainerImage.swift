package import JSON
package import Kubernetes
package import Languages

/// An image of a container or a volume, parsed once for all rules.
package struct ContainerImage {
    /// The reference in the object.
    package let text: Value
    /// The parts of the reference; nil if it is not valid.
    package let parts: ImageParts?
    /// The ECR registry; nil for other registries.
    package let ecr: ECRHost?

    /// True for the image of an ephemeral container.
    package let isEphemeral: Bool

    package init(_ text: Value, isEphemeral: Bool = false, like other: ContainerImage? = nil) {
        self.text = text
        self.isEphemeral = isEphemeral
        // The image of an init container is often the same as that of the application.
        if let other, other.text.isSame(as: text) {
            (parts, ecr) = (other.parts, other.ecr)
            return
        }
        (parts, ecr) = text.withContents { text in
            let parts = try? ImageParts(text)
            return (parts, parts?.registry.flatMap { ECRHost(text, in: $0) })
        }
    }

    /// The maximum number of image volumes in a pod, as for containers.
    static let mostVolumes = 1000
}

extension Subject {
    /// Returns the images of the template's containers and volumes, without those that are not set.
    package func images() throws(CannotEvaluate) -> [ContainerImage] { try foundImages.get() }

    /// Finds the images.
    func findImages() throws(CannotEvaluate) -> [ContainerImage] {
        guard let template = try template() else { return [] }
        var found: [ContainerImage] = []
        found.reserveCapacity(template.containers.count)
        for container in template.containers {
            guard let image = try container.image.text(), !isFilledInLater(image) else { continue }
            found.append(ContainerImage(image, isEphemeral: container.role == .ephemeral, like: found.first))
        }
        let most = found.count + ContainerImage.mostVolumes
        for volume in try template.volumes.objects() {
            // A missing reference can be set later, like a container's image.
            guard let reference = try volume["image"]["reference"].text(), !isFilledInLater(reference) else { continue }
            guard found.count < most else {
                throw .tooLong(reference.id, expected: "one of the first 1000 image volumes")
            }
            found.append(ContainerImage(reference))
        }
        return found
    }

    /// True if a text contains a workflow parameter: `{{inputs.parameters.image}}`.
    private func isFilledInLater(_ text: Value) -> Bool {
        workload != nil
            && text.withContents { bytes in
                bytes.indices.dropLast().contains {
                    bytes[$0] == UInt8(ascii: "{") && bytes[$0 + 1] == UInt8(ascii: "{")
                }
            }
    }
}
