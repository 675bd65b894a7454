import JSON
import Kubernetes

/// The image of a container, taken apart once for all rules that ask.
struct ContainerImage {
    let container: Container
    /// The reference as it is written.
    let text: Value
    /// Where its parts stand; nil where it is none as Docker reads it.
    let parts: ImageParts?
    /// The registry in ECR that it is in; nil where it is in another.
    let ecr: ECRHost?

    /// The same image in another container.
    init(_ image: ContainerImage, of container: Container) {
        self.container = container
        (text, parts, ecr) = (image.text, image.parts, image.ecr)
    }

    init(_ text: Value, of container: Container) {
        self.container = container
        self.text = text
        (parts, ecr) = text.withContents { text in
            let parts = try? ImageParts(text)
            return (parts, parts?.registry.flatMap { ECRHost(text, in: $0) })
        }
    }
}

extension Subject {
    /// The images of the template's containers, of those that name one.
    func images() throws(CannotJudge) -> [ContainerImage] { try foundImages.get() }

    /// Looks for them.
    func findImages() throws(CannotJudge) -> [ContainerImage] {
        guard let template = try template() else { return [] }
        var found: [ContainerImage] = []
        found.reserveCapacity(template.containers.count)
        for container in template.containers {
            guard let image = try container.image() else { continue }
            // What prepares an application is often its own image again.
            if let first = found.first, first.text.isSame(as: image) {
                found.append(ContainerImage(first, of: container))
            } else {
                found.append(ContainerImage(image, of: container))
            }
        }
        return found
    }
}
