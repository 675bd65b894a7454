package import JSON
package import Kubernetes

/// An image that a container runs or a volume mounts, taken apart once for all rules that ask.
package struct ContainerImage {
    /// The reference as it is written, and where.
    package let text: Value
    /// Where its parts stand; nil where it is none as Docker reads it.
    package let parts: ImageParts?
    /// The registry in ECR that it is in; nil where it is in another.
    package let ecr: ECRHost?

    /// True if an ephemeral container runs it.
    package let isEphemeral: Bool

    package init(_ text: Value, isEphemeral: Bool = false, like other: ContainerImage? = nil) {
        self.text = text
        self.isEphemeral = isEphemeral
        // What prepares an application is often its own image again.
        if let other, other.text.isSame(as: text) {
            (parts, ecr) = (other.parts, other.ecr)
            return
        }
        (parts, ecr) = text.withContents { text in
            let parts = try? ImageParts(text)
            return (parts, parts?.registry.flatMap { ECRHost(text, in: $0) })
        }
    }

    /// More volumes of images than this no pod has, as with containers.
    static let mostVolumes = 1000
}

extension Subject {
    /// The images of the template's containers and volumes, of those that name one.
    package func images() throws(CannotJudge) -> [ContainerImage] { try foundImages.get() }

    /// Looks for them.
    func findImages() throws(CannotJudge) -> [ContainerImage] {
        guard let template = try template() else { return [] }
        var found: [ContainerImage] = []
        found.reserveCapacity(template.containers.count)
        for container in template.containers {
            guard let image = try container.image.text(), !isFilledInLater(image) else { continue }
            found.append(ContainerImage(image, isEphemeral: container.role == .ephemeral, like: found.first))
        }
        let most = found.count + ContainerImage.mostVolumes
        for volume in try template.volumes.objects() {
            // A reference that is absent is filled in later, as a container's image may be.
            guard let reference = try volume["image"]["reference"].text(), !isFilledInLater(reference) else { continue }
            guard found.count < most else {
                throw .tooLong(reference.id, expected: "one of at most 1000 images of volumes")
            }
            found.append(ContainerImage(reference))
        }
        return found
    }

    /// Whether a workflow's parameter comes into a text: `{{inputs.parameters.image}}`.
    private func isFilledInLater(_ text: Value) -> Bool {
        workload != nil
            && text.withContents { bytes in
                bytes.indices.dropLast().contains {
                    bytes[$0] == UInt8(ascii: "{") && bytes[$0 + 1] == UInt8(ascii: "{")
                }
            }
    }
}
