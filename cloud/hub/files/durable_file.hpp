#pragma once

// Files that appear under their name whole or not at all.

#include <sys/types.h>

#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace ota::hub {

/// An operating system's refusal.
struct FileError {
  int code = 0;         // errno
  std::string message;  // for people, names the file

  /// The disk or the quota is full, rather than something being broken.
  bool no_space() const;
};

template <class T>
using FileResult = Result<T, FileError>;

/// An open descriptor that closes itself.
class OpenFile {
 public:
  explicit OpenFile(int descriptor = -1) : descriptor_(descriptor) {}
  OpenFile(OpenFile&& other) noexcept : descriptor_(other.release()) {}
  OpenFile& operator=(OpenFile&& other) noexcept;
  ~OpenFile();

  int get() const { return descriptor_; }
  int release();
  explicit operator bool() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

/// Written beside its place; commit() syncs it and moves it there.
///
/// @power_cut the old file (or none), or the new one whole; leftovers end in kPartSuffix
class DurableFile {
 public:
  static constexpr const char* kPartSuffix = ".part";

  static FileResult<DurableFile> create(const std::string& path, mode_t mode);
  DurableFile(DurableFile&&) noexcept = default;
  DurableFile& operator=(DurableFile&&) noexcept = delete;
  ~DurableFile();

  FileResult<Ok> append(Bytes bytes);
  FileResult<Ok> commit();
  const std::string& path() const { return path_; }

 private:
  DurableFile(std::string path, OpenFile file) : path_(std::move(path)), file_(std::move(file)) {}
  std::string part_path() const { return path_ + kPartSuffix; }
  FileError error(const char* what) const;

  std::string path_;
  OpenFile file_;
};

FileResult<Ok> write_durably(const std::string& path, std::string_view content, mode_t mode);

/// Reads a small file. Errors: missing, unreadable, larger than `bytes_max`.
FileResult<std::string> read_file(const std::string& path, std::size_t bytes_max = 1024 * 1024);

/// Makes directory and parents; the last one with mode 0700.
FileResult<Ok> make_private_directory(const std::string& path);

/// Holds a lock on a file while it lives, so that no second process works on the same directory.
class DirectoryLock {
 public:
  /// Errors say who else holds it.
  static FileResult<DirectoryLock> acquire(const std::string& directory);

 private:
  explicit DirectoryLock(OpenFile file) : file_(std::move(file)) {}
  OpenFile file_;
};

}  // namespace ota::hub
