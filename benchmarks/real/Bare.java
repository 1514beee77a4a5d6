import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Scanner;
import org.apache.accumulo.core.client.Accumulo;
import org.apache.accumulo.core.client.AccumuloClient;
import org.apache.accumulo.core.client.BatchWriter;
import org.apache.accumulo.core.client.BatchWriterConfig;
import org.apache.accumulo.core.data.Mutation;

/** A bare loop in the JVM over the bytes of a file: batches of mutations, each flushed. Run as a program of one file. */
class Bare {
    /** Instance, ZooKeepers, user, table, file, mutations of a batch, batches before the clock starts; standard input: the password. */
    public static void main(String[] arguments) throws Exception {
        String password = new Scanner(System.in).nextLine();
        byte[] bytes = Files.readAllBytes(Path.of(arguments[4]));
        int size = Integer.parseInt(arguments[5]);
        int before = Integer.parseInt(arguments[6]);
        try (AccumuloClient client =
                Accumulo.newClient().to(arguments[0], arguments[1]).as(arguments[2], password).build()) {
            BatchWriter writer = client.createBatchWriter(arguments[3], new BatchWriterConfig().setMaxWriteThreads(2));
            DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
            int written = 0;
            long start = 0;
            for (int batch = 0; in.available() > 0; batch++) {
                if (batch == before) {
                    start = System.nanoTime();
                    written = 0;
                }
                for (int n = 0; n < size; n++, written++) {
                    Mutation mutation = new Mutation();
                    mutation.readFields(in);
                    writer.addMutation(mutation);
                }
                writer.flush();
            }
            System.out.println(written / ((System.nanoTime() - start) / 1e9));
            writer.close();
        }
    }
}
