import { Modal } from "@mantine/core";
import { useEffect, useRef, useState, type ReactNode } from "react";

interface DialogProps {
  readonly title: ReactNode;
  readonly size?: "md" | "lg";
  /** Only by its own buttons, where what it shows is shown once. */
  readonly closesByButton?: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A dialog over the page, mounted while it is open: it opens fresh each time. */
export function Dialog({ title, size = "md", closesByButton = false, onClose, children }: DialogProps) {
  useReturnedFocus();
  return (
    <Modal
      opened
      onClose={onClose}
      size={size}
      title={title}
      closeOnEscape={!closesByButton}
      closeOnClickOutside={!closesByButton}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {children}
    </Modal>
  );
}

/** Gives the focus back where it was: the library does so only for a dialog that stays mounted. */
function useReturnedFocus(): void {
  const [before] = useState(openerOf);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    clearTimeout(timer.current);
    return () => {
      // After the dialog has let go of the focus; not where it is mounted again at once.
      timer.current = setTimeout(() => before?.focus(), 0);
    };
  }, [before]);
}

/** What has the focus; of an entry of a menu, which goes with its menu, the button that opened that. */
function openerOf(): HTMLElement | null {
  const at = document.activeElement;
  const menu = at?.closest("[role=menu]");
  const opener = menu?.id === undefined ? at : document.querySelector(`[aria-controls="${CSS.escape(menu.id)}"]`);
  return opener instanceof HTMLElement ? opener : null;
}
