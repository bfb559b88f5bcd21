/* Incremental training with FANN: one update after each example, rows shuffled.
 *
 *     fann FOLDER ROWS EPOCHS UNITS...
 *
 * Reads float32 arrays from FOLDER/X and FOLDER/Y; prints the seconds of the training. */
#include <floatfann.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static float *read_array(const char *folder, const char *name, size_t count) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    float *values = malloc(count * sizeof *values);
    if (!file || !values || fread(values, sizeof *values, count, file) != count)
        exit(EXIT_FAILURE);
    fclose(file);
    return values;
}

int main(int argc, char **argv) {
    if (argc < 6)
        return EXIT_FAILURE;
    unsigned rows = atoi(argv[2]), epochs = atoi(argv[3]), layers = argc - 4;
    unsigned units[16];
    for (unsigned l = 0; l < layers; l++)
        units[l] = atoi(argv[4 + l]);
    float *X = read_array(argv[1], "X", (size_t)rows * units[0]);
    float *Y = read_array(argv[1], "Y", (size_t)rows * units[layers - 1]);
    unsigned *order = malloc(rows * sizeof *order);
    for (unsigned i = 0; i < rows; i++)
        order[i] = i;

    struct fann *network = fann_create_standard_array(layers, units);
    fann_set_activation_function_hidden(network, FANN_SIGMOID);
    fann_set_activation_function_output(network, FANN_SIGMOID);
    fann_set_training_algorithm(network, FANN_TRAIN_INCREMENTAL);
    fann_set_train_error_function(network, FANN_ERRORFUNC_LINEAR);
    fann_set_learning_rate(network, 0.1f / units[layers - 1]);

    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (unsigned epoch = 0; epoch < epochs; epoch++) {
        for (unsigned i = rows - 1; i > 0; i--) {
            unsigned j = rand() % (i + 1), swap = order[i];
            order[i] = order[j];
            order[j] = swap;
        }
        for (unsigned i = 0; i < rows; i++)
            fann_train(network, X + (size_t)order[i] * units[0],
                       Y + (size_t)order[i] * units[layers - 1]);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.9f\n", (end.tv_sec - begin.tv_sec) + 1e-9 * (end.tv_nsec - begin.tv_nsec));
    return EXIT_SUCCESS;
}
