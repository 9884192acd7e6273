// A worker with one queue, beside a program that has nothing to do with it; says what it is made of.
#include <distworker/worker.hpp>

#include <iostream>

int main() {
    std::cout << distworker::worker::build_description() << std::endl;
    distworker::worker worker{distworker::config::from_environment()};
    worker.on("math.add", [](distworker::task& task) -> distworker::value {
        return {{"result", task.input("a", 0.0) + task.input("b", 0.0)}};
    });
    return worker.run();
}
