// The smallest useful worker. The README shows this file; a test keeps the two the same.
#include <distworker/worker.hpp>

int main() {
    distworker::worker worker{distworker::config::from_environment()};
    worker.on("math.add", [](distworker::task& task) -> distworker::value {
        return {{"result", task.input("a", 0.0) + task.input("b", 0.0)}};
    });
    return worker.run(); // until SIGTERM: drains, then says why it ended
}
