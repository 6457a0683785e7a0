import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** An ext4 of its own, in a file, whose power can be cut. */
export interface PowerCutDisk {
  readonly mountPoint: string;
  /**
   * From this moment nothing reaches the disk: EXT4_IOC_SHUTDOWN without a log flush (what xfstests uses) drops every page
   * that was not written, and every journal commit that was not. Then the programs that ran on it are killed.
   */
  cutPower(): Promise<void>;
  /** Mounts what is on the disk, replaying the journal, as after a reboot. */
  powerOn(): Promise<void>;
  remove(): Promise<void>;
}

const IMAGE_BYTES = 512 * 1024 * 1024;
// _IOR('X', 125, __u32) of linux/ext4.h, and EXT4_GOING_FLAGS_NOLOGFLUSH. Node has no ioctl; perl is part of Debian's base.
const SHUT_DOWN = 'open(F, "<", $ARGV[0]) && ioctl(F, 0x8004587d, my $flags = pack("L", 2)) or die "shutdown: $!"';

/** Throws where this machine may not make one (needs root, loop devices, mkfs.ext4 and perl). */
export async function powerCutDisk(): Promise<PowerCutDisk> {
  const folder = await mkdtemp(join(tmpdir(), "th-power-"));
  const image = join(folder, "disk");
  const mountPoint = join(folder, "mount");
  const mount = (): Promise<unknown> => run("mount", ["-o", "loop,noatime", image, mountPoint]);
  const unmount = (): Promise<unknown> => run("umount", [mountPoint]);
  const remove = async (): Promise<void> => {
    await unmount().catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await mkdir(mountPoint);
    await writeFile(image, "");
    await truncate(image, IMAGE_BYTES);
    await run("mkfs.ext4", ["-q", "-F", image]);
    // The server's user has to pass.
    await run("chmod", ["711", folder]);
    await mount();
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    mountPoint,
    cutPower: async () => {
      await run("perl", ["-e", SHUT_DOWN, mountPoint]);
      await killProgramsOn(mountPoint);
    },
    powerOn: async () => {
      await unmount();
      await mount();
    },
    remove: async () => {
      await killProgramsOn(mountPoint);
      await remove();
    },
  };
}

/** Those whose working folder is on it or whose command line names it (initdb), until there is none. */
async function killProgramsOn(mountPoint: string): Promise<void> {
  for (let found = await programsOn(mountPoint); found.length > 0; found = await programsOn(mountPoint)) {
    for (const pid of found) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended since.
      }
    }
    await sleep(20);
  }
}

async function programsOn(mountPoint: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const on = await Promise.all(
    pids.map(async (pid) => {
      const folder = await readlink(`/proc/${pid}/cwd`).catch(() => "");
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return folder.startsWith(mountPoint) || command.includes(mountPoint);
    }),
  );
  return pids.filter((_, index) => on[index] === true).map(Number);
}
